"""What an analyser is told about a batch: the camera, its local time, what was seen, and its earlier events.

Nothing of another camera is in it. A verdict quotes what its analyser was told, and everybody who may see this camera
reads the verdict. What other cameras saw is shown to a reader by `events.nearby`, which asks for that reader's rights.
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
    """Two queries, each bounded, however large the tables are."""
    zone = batch.camera.zone
    detections = Detection.objects.filter(batch=batch).order_by("captured_at", "id")[:SEEN_LIMIT]
    return Context(
        camera_id=batch.camera_id,
        camera_name=batch.camera.name,
        started_at=batch.started_at.astimezone(zone),
        ended_at=batch.ended_at.astimezone(zone),
        seen=tuple(
            Seen(
                d.label,
                d.confidence,
                d.captured_at.astimezone(zone),
                d.frame_offset,
                (d.x, d.y, d.width, d.height),
                str(d.upload_id),
            )
            for d in detections
        ),
        earlier=_earlier(batch),
        image_count=batch.upload_count,
    )


def _earlier(batch: Batch) -> tuple[Earlier, ...]:
    """The last events of the same camera before this batch."""
    zone = batch.camera.zone
    events = (
        Event.objects.filter(
            camera=batch.camera, started_at__lt=batch.started_at, started_at__gte=batch.started_at - EARLIER_WITHIN
        )
        .exclude(batch=batch)
        .order_by("-started_at", "-id")[:EARLIER_LIMIT]
    )
    return tuple(Earlier(e.started_at.astimezone(zone), e.risk_score, e.summary) for e in events)
