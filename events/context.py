"""The context of a batch for an analyser: the camera, its local time, the detections, and its earlier events.

It has nothing of other cameras. A verdict quotes its context, and every user who may see the camera reads the verdict.
`events.nearby` shows detections of other cameras according to the rights of the reader.
"""

from __future__ import annotations

from datetime import timedelta

from detection.models import Batch, Detection
from events.analyzers import Context, Earlier, Seen
from events.models import Event

SEEN_LIMIT = 500
EARLIER_WITHIN = timedelta(days=2)  # before the batch
EARLIER_LIMIT = 5


def build_context(batch: Batch) -> Context:
    """Build the context with two bounded queries."""
    zone = batch.camera.zone
    detections = Detection.objects.filter(batch=batch).order_by("captured_at", "id")[:SEEN_LIMIT]
    return Context(
        camera_id=batch.camera_id,
        camera_name=batch.camera.name,
        started_at=batch.started_at.astimezone(zone),
        ended_at=batch.ended_at.astimezone(zone),
        seen=tuple(
            Seen(
                detection.label,
                detection.confidence,
                detection.captured_at.astimezone(zone),
                detection.frame_offset,
                (detection.x, detection.y, detection.width, detection.height),
                str(detection.upload_id),
            )
            for detection in detections
        ),
        earlier=_earlier(batch),
        image_count=batch.upload_count,
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
