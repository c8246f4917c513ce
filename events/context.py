"""The context of a visit for an analyser: the camera and its place, its local time and light, the detections, and its
habits and earlier events.

It has nothing of other cameras. A verdict quotes its context, and every user who may see the camera reads the verdict.
`events.nearby` shows detections of other cameras according to the rights of the reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from cameras.models import Zone
from detection.models import Detection
from events import habits
from events.analyzers import Context, Earlier, Seen
from events.analyzers.light import light_at
from events.models import Event
from events.tracking import describe
from events.tracking.follow import follow
from events.tracking.movement import movement_of
from events.tracking.update import sighting_of
from events.visits import Visit

SEEN_LIMIT = 500
EARLIER_WITHIN = timedelta(days=2)  # before the visit
EARLIER_LIMIT = 5


def build_context(visit: Visit) -> Context:
    """Build the context with three bounded queries, and one more for the zones."""
    camera = visit.batch.camera
    started_at, ended_at = (at.astimezone(camera.zone) for at in (visit.started_at, visit.ended_at))
    detections = list(visit.detections[:SEEN_LIMIT])
    zones = habits.zones_by_id(camera.pk, {one for detection in detections for one in detection.zones})
    return Context(
        camera_id=camera.pk,
        camera_name=camera.name,
        started_at=started_at,
        ended_at=ended_at,
        seen=tuple(
            Seen(
                detection.label,
                detection.confidence,
                detection.captured_at.astimezone(camera.zone),
                detection.frame_offset,
                (detection.x, detection.y, detection.width, detection.height),
                str(detection.upload_id),
                tuple(zones[one].kind for one in detection.zones if one in zones),
            )
            for detection in detections
        ),
        earlier=_earlier(visit),
        image_count=sum(batch.upload_count for batch in visit.batches),
        place=camera.place,
        light=max(light_at(started_at), light_at(ended_at)),
        habits=habits.days_seen(camera.pk, started_at),
        paths=_paths(detections, zones),
    )


def _paths(detections: Iterable[Detection], zones: Mapping[str, Zone]) -> tuple[str, ...]:
    movements = map(movement_of, follow(map(sighting_of, detections)))
    return describe.paths(movements, {pk: zone.name for pk, zone in zones.items()})


def _earlier(visit: Visit) -> tuple[Earlier, ...]:
    """Return the latest events of the same camera before this visit."""
    camera, began = visit.batch.camera, visit.started_at
    events = (
        Event.objects.filter(camera=camera, started_at__lt=began, started_at__gte=began - EARLIER_WITHIN)
        .exclude(pk__in=[event.pk for event in visit.events])
        .order_by("-started_at", "-id")[:EARLIER_LIMIT]
    )
    return tuple(Earlier(event.started_at.astimezone(camera.zone), event.risk_score, event.summary) for event in events)
