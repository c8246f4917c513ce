"""Contexts for the tests of the analysers: one evening at the front door, changed as a test likes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from events.analyzers import Context, Seen

ZONE = ZoneInfo("Europe/Berlin")
EVENING = datetime(2024, 1, 2, 23, 12, 5, tzinfo=ZONE)
NOON = datetime(2024, 1, 2, 12, 0, 0, tzinfo=ZONE)


def seen(
    label: str = "person", confidence: float = 0.9, second: float = 0, start: datetime = EVENING, **more: Any
) -> Seen:
    return Seen(label, confidence, start + timedelta(seconds=second), **more)


def context(*detections: Seen, start: datetime = EVENING, **changes: Any) -> Context:
    """What the camera "Front door" saw from `start` on: one person, if nothing is said."""
    detections = detections or (seen(start=start),)
    end = max([start, *(one.captured_at for one in detections)])
    fields: dict[str, Any] = {
        "camera_id": "1",
        "camera_name": "Front door",
        "started_at": start,
        "ended_at": end,
        "seen": detections,
        "image_count": len({one.captured_at for one in detections}),
    }
    return Context(**{**fields, **changes})
