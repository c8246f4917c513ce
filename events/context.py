"""The context of a batch for an analyser: the camera and its place, its local time and light, the detections, and its
habits and earlier events.

It has nothing of other cameras. A verdict quotes its context, and every user who may see the camera reads the verdict.
`events.nearby` shows detections of other cameras according to the rights of the reader.
"""

from __future__ import annotations

from datetime import timedelta

from detection.models import Batch, Detection
from events import habits
from events.analyzers import Context, Earlier, Seen
from events.analyzers.light import light_at
from events.models import Event

SEEN_LIMIT = 500
EARLIER_WITHIN = timedelta(days=2)  # before the batch
EARLIER_LIMIT = 5


def build_context(batch: Batch) -> Context:
    """Build the context with three bounded queries, and one more for the zones."""
    zone = batch.camera.zone
    started_at, ended_at = batch.started_at.astimezone(zone), batch.ended_at.astimezone(zone)
    detections = list(Detection.objects.filter(batch=batch).order_by("captured_at", "id")[:SEEN_LIMIT])
    kinds = habits.zone_kinds(batch.camera_id, {one for detection in detections for one in detection.zones})
    return Context(
        camera_id=batch.camera_id,
        camera_name=batch.camera.name,
        started_at=started_at,
        ended_at=ended_at,
        seen=tuple(
            Seen(
                detection.label,
                detection.confidence,
                detection.captured_at.astimezone(zone),
                detection.frame_offset,
                (detection.x, detection.y, detection.width, detection.height),
                str(detection.upload_id),
                tuple(kinds[one] for one in detection.zones if kinds.get(one)),
            )
            for detection in detections
        ),
        earlier=_earlier(batch),
        image_count=batch.upload_count,
        place=batch.camera.place,
        light=max(light_at(started_at), light_at(ended_at)),
        habits=habits.days_seen(batch.camera_id, started_at),
    )


def _earlier(batch: Batch) -> tuple[Earlier, ...]:
    """Return the latest events of the same camera before this batch."""
    zone = batch.camera.zone
    events = (
        Event.objects.filter(
            camera=batch.camera, started_at__lt=batch.started_at, started_at__gte=batch.started_at - EARLIER_WITHIN
        )
        .exclude(batch=batch)
        .order_by("-started_at", "-id")[:EARLIER_LIMIT]
    )
    return tuple(Earlier(event.started_at.astimezone(zone), event.risk_score, event.summary) for event in events)
