"""A track in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from events.models import Track
from events.tracking.describe import duration, parts
from tests.events.tracking.walks import NOON

pytestmark = pytest.mark.one_engine


def track(seconds: float, **values: Any) -> Track:
    ended_at = NOON + timedelta(seconds=seconds)
    return Track(
        **{"moved": True, "entry": "left", "exit": "right", "started_at": NOON, "ended_at": ended_at, **values}
    )


def test_what_an_object_did_is_told_in_order():
    zones = [{"zone": "door", "seconds": 15.2}, {"zone": "gone", "seconds": 9}, {"zone": "path", "seconds": 0.4}]
    did = parts(track(40, zones=zones), {"door": "Door", "path": "Path"})
    assert did == ["came from the left", "stayed 40 s", "15 s at Door", "left to the right"]


def test_an_object_that_stays_inside_the_picture_does_not_leave():
    assert parts(track(5, entry="centre", exit="centre"), {}) == ["appeared", "stayed 5 s"]


def test_an_object_that_did_not_move_neither_came_nor_left():
    assert parts(track(200, moved=False), {}) == ["stayed 3 min 20 s"]
    assert parts(track(0, moved=False), {}) == []


def test_durations():
    assert [duration(seconds) for seconds in (0.4, 59.6, 90, 3600)] == ["0 s", "1 min", "1 min 30 s", "60 min"]
