"""Store the tracks of an event. They are replaced with each judgement, because late pictures may change any of them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import QuerySet

from detection.models import Detection
from events.models import Event, Track
from events.tracking.follow import Sighting, follow
from events.tracking.movement import Movement, ZoneStay, movement_of, people_at_once
from hsi.times import iso

MOST_READ = 10_000  # detections of an event
MOST_FOLLOWED = 2000  # of them, in pictures that are chosen evenly
MOST_TRACKS = 50  # per event; those with the most sightings


def update_tracks(event: Event, detections: QuerySet[Detection] | Sequence[Detection]) -> list[Track]:
    """Replace the tracks of `event` by those of all its `detections`, in the transaction of the caller.

    Also set the number of people at once, and the track of each detection. The event is saved and locked.
    """
    detections = list(detections[:MOST_READ])
    followed = follow(_evenly(list(map(sighting_of, detections))))
    kept = sorted(sorted(followed, key=len, reverse=True)[:MOST_TRACKS], key=lambda one: (one[0].at, one[0].detection))
    movements = [movement_of(track) for track in kept]
    tracks = [track_of(event, number, movement) for number, movement in enumerate(movements, 1)]
    Track.objects.filter(event=event).delete()
    Track.objects.bulk_create(tracks)
    _number(detections, movements)
    if event.people_at_once != (people := people_at_once(followed)):
        event.people_at_once = people
        event.save(update_fields=["people_at_once"])
    return tracks


def _evenly(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Return the sightings of every picture, or of every second one, or fewer: at most about `MOST_FOLLOWED`."""
    step = math.ceil(len(sightings) / MOST_FOLLOWED)
    if step <= 1:
        return list(sightings)
    pictures = sorted({(one.at, one.picture[0], one.picture[1] or 0.0) for one in sightings})
    chosen = set(pictures[::step])
    return [one for one in sightings if (one.at, one.picture[0], one.picture[1] or 0.0) in chosen]


def sighting_of(detection: Detection) -> Sighting:
    return Sighting(
        detection.pk,
        (detection.upload_id, detection.frame_offset),
        detection.captured_at,
        detection.label,
        detection.confidence,
        (detection.x, detection.y, detection.width, detection.height),
        tuple(detection.zones),
    )


def track_of(event: Event, number: int, movement: Movement) -> Track:
    return Track(
        event=event,
        number=number,
        label_group=movement.label_group,
        label=movement.labels[0],
        labels=list(movement.labels),
        confidence=movement.confidence,
        started_at=movement.started_at,
        ended_at=movement.ended_at,
        moved=movement.moved,
        entry=movement.entry,
        exit=movement.exit,
        path=[list(point) for point in movement.path],
        zones=[
            {
                "zone": zone,
                "seconds": stay.seconds,
                "entered_at": iso(stay.entered_at) if stay.entered_at else None,
                "left_at": iso(stay.left_at) if stay.left_at else None,
            }
            for zone, stay in movement.zones.items()
        ],
        detection_count=len(movement.detections),
        best_detection=movement.best,
    )


def stored_movement(track: Track) -> Movement:
    """Return what a stored track says, without the ids of its detections."""
    return Movement(
        label_group=track.label_group,
        labels=tuple(track.labels),
        started_at=track.started_at,
        ended_at=track.ended_at,
        path=tuple((seconds, x, y) for seconds, x, y in track.path),
        zones={
            stay["zone"]: ZoneStay(stay["seconds"], _time(stay["entered_at"]), _time(stay["left_at"]))
            for stay in track.zones
        },
        entry=Track.Side(track.entry),
        exit=Track.Side(track.exit),
        moved=track.moved,
        confidence=track.confidence,
        best=track.best_detection,
        detections=(),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _number(detections: Iterable[Detection], movements: Iterable[Movement]) -> None:
    """Write the numbers of the tracks into their detections: one statement for each number that changes."""
    numbers = {pk: number for number, movement in enumerate(movements, 1) for pk in movement.detections}
    changed: defaultdict[int | None, list[int]] = defaultdict(list)
    for detection in detections:
        if detection.track != (number := numbers.get(detection.pk)):
            changed[number].append(detection.pk)
            detection.track = number
    for number, ids in changed.items():
        Detection.objects.filter(pk__in=ids).update(track=number)
