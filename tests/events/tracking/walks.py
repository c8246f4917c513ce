"""Sightings of people who walk, stand and meet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from events.tracking.follow import Sighting

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WIDTH, HEIGHT = 0.06, 0.2


def sighting(seconds: float, x: float, y: float = 0.5, *, number: int = 0, **values: Any) -> Sighting:
    """A person whose box has its centre at `x`, `y`. `number` tells two people of one picture apart."""
    width, height = values.pop("size", (WIDTH, HEIGHT))
    picture = values.pop("picture", (round(seconds * 100), None))
    at = values.pop("at", NOON + timedelta(seconds=seconds))
    box = (x - width / 2, y - height / 2, width, height)
    detection = round(seconds * 100) * 100 + number
    return Sighting(detection, picture, at, **{"label": "person", "confidence": 0.8, "box": box, **values})


def walk(begin: float, end: float, x: float, speed: float, *, every: float, **values: Any) -> list[Sighting]:
    """A person who is at `x` at `begin` seconds, and walks `speed` of the picture a second."""
    count = round((end - begin) / every) + 1
    return [sighting(begin + index * every, x + speed * index * every, **values) for index in range(count)]


def ids(tracks: Iterable[Iterable[Sighting]]) -> list[list[int]]:
    return [sorted(one.detection for one in track) for track in tracks]
