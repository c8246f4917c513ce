"""The first thing a newcomer runs."""

from __future__ import annotations

import pytest

from tests.system.running import Running

pytestmark = [pytest.mark.slow, pytest.mark.one_engine]

FIRST_EVENT_SECONDS = 60


class Demo(Running):
    arguments = ("--demo",)


def test_the_demo_shows_an_event_of_real_detections_within_a_minute(child_environment):
    demo = Demo(child_environment)
    demo.start()
    try:
        demo.until(lambda: bool(demo.all("/api/events")), FIRST_EVENT_SECONDS)
        event = demo.all("/api/events")[-1]
        found = demo.all(f"/api/events/{event['id']}/detections")
        assert "person" in {detection["label"] for detection in found}
        assert {camera["id"] for camera in demo.all("/api/cameras")} <= {"front_door", "driveway", "garden"}
        assert demo.client.get(event["snapshot_url"]).headers["content-type"] == "image/jpeg"
    finally:
        assert demo.stop() == 0
