"""Detections of other cameras near in time to an event, among the cameras that the reader may see.

They are queried for each reader and never stored, because every user who may see the event could read a stored text.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TypedDict

from django.db.models import Count, Min

from cameras.access import only_visible
from detection.models import Detection
from events.models import Event
from hsi.security.roles import Person

WITHIN = timedelta(minutes=2)  # before the event began, or after it ended
MOST_READ = 200
MOST_SHOWN = 50


class NearbyData(TypedDict):
    """Detections of one label at one other camera. `camera` is the id of the camera.

    `seconds_apart` is the time from the start of the event to the first detection, negative if the other camera was
    first.
    """

    camera: str
    camera_name: str
    label: str
    count: int
    seconds_apart: float


def nearby(event: Event, reader: Person) -> list[NearbyData]:
    """Return at most `MOST_SHOWN`, the nearest in time first. One query."""
    around = Detection.objects.filter(
        captured_at__gte=event.started_at - WITHIN, captured_at__lte=event.ended_at + WITHIN
    ).exclude(camera=event.camera_id)
    rows = (
        only_visible(around, reader)
        .values("camera_id", "camera__name", "label")
        .annotate(count=Count("id"), first=Min("captured_at"))
        .order_by("first", "camera_id", "label")
    )
    entries: list[NearbyData] = [
        {
            "camera": row["camera_id"],
            "camera_name": row["camera__name"],
            "label": row["label"],
            "count": row["count"],
            "seconds_apart": (row["first"] - event.started_at).total_seconds(),
        }
        for row in rows[:MOST_READ]
    ]
    return sorted(entries, key=lambda entry: abs(entry["seconds_apart"]))[:MOST_SHOWN]
