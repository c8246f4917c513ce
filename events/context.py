"""What an analyser is told about a batch: the camera, its local time, what was seen, and what happened around it."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count, Min

from detection.models import Batch, Detection
from events.analyzers import Context, Earlier, Nearby, Seen
from events.models import Event

SEEN_LIMIT = 500
NEARBY_WITHIN = timedelta(minutes=2)
NEARBY_LIMIT = 12
EARLIER_WITHIN = timedelta(days=2)  # before the batch
EARLIER_LIMIT = 5


def build_context(batch: Batch) -> Context:
    """Three queries, each bounded, however large the tables are."""
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
        nearby=_nearby(batch),
        earlier=_earlier(batch),
        image_count=batch.upload_count,
    )


def _nearby(batch: Batch) -> tuple[Nearby, ...]:
    """What other cameras saw, per camera and label, nearest first."""
    rows = (
        Detection.objects.filter(
            captured_at__gte=batch.started_at - NEARBY_WITHIN, captured_at__lte=batch.ended_at + NEARBY_WITHIN
        )
        .exclude(camera_id=batch.camera_id)
        .values("camera__name", "label")
        .annotate(count=Count("id"), first=Min("captured_at"))
        .order_by("first")[:NEARBY_LIMIT]
    )
    return tuple(
        Nearby(row["camera__name"], row["label"], row["count"], (row["first"] - batch.started_at).total_seconds())
        for row in rows
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
