"""A track in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from events.tracking.describe import duration, parts, paths
from events.tracking.movement import Movement, Side, ZoneStay
from tests.events.tracking.walks import NOON

pytestmark = pytest.mark.one_engine


def track(seconds: float, **values: Any) -> Movement:
    empty: dict[str, Any] = {"path": (), "zones": {}, "best": 0, "detections": (), "confidence": 0.9}
    seen: dict[str, Any] = {"started_at": NOON, "ended_at": NOON + timedelta(seconds=seconds)}
    went: dict[str, Any] = {"moved": True, "entry": Side.LEFT, "exit": Side.RIGHT}
    return Movement(**{"label_group": "person", "labels": ("person",), **empty, **seen, **went, **values})


def stay(seconds: float) -> ZoneStay:
    return ZoneStay(seconds, None, None)


def test_what_an_object_did_is_told_in_order():
    zones = {"door": stay(15.2), "gone": stay(9), "path": stay(0.4)}
    did = parts(track(40, zones=zones), {"door": "Door", "path": "Path"})
    assert did == ["came from the left", "stayed 40 s", "15 s at Door", "left to the right"]


def test_the_paths_of_people_come_first_and_what_did_not_move_has_none():
    later = NOON + timedelta(seconds=9)
    car, post = track(3, label_group="vehicle", entry=Side.TOP), track(88, moved=False)
    last, first = track(9, started_at=later, ended_at=later), track(5, exit=Side.CENTRE)
    assert paths([car, post, last, first], {}) == (
        "came from the left, stayed 5 s",
        "came from the left, left to the right",
        "came from the top, stayed 3 s, left to the right",
    )


def test_an_object_that_stays_inside_the_picture_does_not_leave():
    assert parts(track(5, entry=Side.CENTRE, exit=Side.CENTRE), {}) == ["appeared", "stayed 5 s"]


def test_an_object_that_did_not_move_neither_came_nor_left():
    assert parts(track(200, moved=False), {}) == ["stayed 3 min 20 s"]
    assert parts(track(0, moved=False), {}) == []


def test_durations():
    assert [duration(seconds) for seconds in (0.4, 59.6, 90, 3600)] == ["0 s", "1 min", "1 min 30 s", "60 min"]
