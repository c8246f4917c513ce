"""Killed at any moment, started again: every file in one end state, nothing twice, nothing missing."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests import files
from tests.system.running import Running, foscam_name

pytestmark = [pytest.mark.slow, pytest.mark.one_engine]

UPLOADS = 100
KILLS = 3


def test_killed_in_the_middle_of_100_uploads_and_started_again_nothing_is_lost_or_doubled(child_environment):
    system = Running(child_environment)
    system.start()
    began = datetime.now(UTC) - timedelta(seconds=60)
    pictures = [
        (f"camera{number % 4}/{foscam_name(began + timedelta(seconds=number / 2), number)}", files.jpeg(number))
        for number in range(UPLOADS)
    ]
    sent = threading.Semaphore(0)

    def upload() -> None:
        for path, data in pictures:
            system.put(path, data)
            sent.release()
            pause.wait(0.05)

    pause = threading.Event()
    sender = threading.Thread(target=upload)
    sender.start()
    dice = random.Random(7)
    for _ in range(KILLS):
        for _ in range(UPLOADS // (KILLS + 1)):
            assert sent.acquire(timeout=60)
        pause.wait(dice.uniform(0, 0.3))
        system.kill()
        system.start()
    sender.join(60)
    try:
        system.until(lambda: len([u for u in system.uploads() if u["state"] != "waiting"]) == UPLOADS)
        system.until(lambda: not any(system.get("/api/system/health")["waiting"].values()))
        uploads = system.uploads()
        assert sorted(upload["path"] for upload in uploads) == sorted(path for path, _ in pictures)
        assert set(Counter(upload["state"] for upload in uploads)) <= {"detected", "empty"}
        assert system.messages()
    finally:
        assert system.stop() == 0
