"""The first thing a newcomer runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.process import free_port
from tests.system.running import MANAGE, Running

pytestmark = [pytest.mark.slow, pytest.mark.one_engine]

FIRST_EVENT_SECONDS = 60


class Demo(Running):
    arguments = ("--demo",)


def test_the_demo_shows_an_event_within_a_minute_and_lets_nobody_else_onto_its_data(child_environment):
    demo = Demo(child_environment)
    demo.start()
    try:
        demo.until(lambda: bool(demo.all("/api/events")), FIRST_EVENT_SECONDS)
        event = demo.all("/api/events")[-1]
        found = demo.all(f"/api/events/{event['id']}/detections")
        assert "person" in {detection["label"] for detection in found}
        assert {camera["id"] for camera in demo.all("/api/cameras")} <= {"front_door", "driveway", "garden"}
        assert demo.client.get(event["snapshot_url"]).headers["content-type"] == "image/jpeg"
        assert "Another `up` runs on the data folder" in refusal(demo)
    finally:
        assert demo.stop() == 0
    spoil(database := Path(demo.environment["DATABASE_URL"].removeprefix("sqlite:///")))
    before = database.read_bytes()
    assert "is damaged" in refusal(demo)
    assert database.read_bytes() == before


def refusal(demo: Demo) -> str:
    """What a start says that ends at once."""
    command = [sys.executable, str(MANAGE), "up", "--demo", "--host", "127.0.0.1", "--port", str(free_port())]
    ended = subprocess.run(command, env=demo.environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    return ended.stderr


def spoil(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xa5" * 4096 * 5)
