"""What an object did, from the sightings of its track: where it stood, for how long, and where it came from and went.

The seconds in a zone are the times between two sightings in it. A single sighting is 0 seconds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from detection.detectors.labels import group_of
from events.models import Track
from events.tracking.follow import Box, Picture, Sighting

MOST_POINTS = 50  # of a path
EDGE = 0.03  # a box this near to an edge of the picture touches it
MOVED = 0.5  # an object moves if it leaves its first place by this share of its size
SURE = 0.6  # confidence from which one sighting counts as a person of its own
FLICKER_SECONDS = 1.0  # a zone that changes for one picture and back within this time has not changed


Side = Track.Side


@dataclass(frozen=True, slots=True)
class ZoneStay:
    """How long an object was in a zone.

    `entered_at` is when it first came in from outside, `left_at` when it last went out. None: the pictures do not show
    it, because the object was there from its first sighting or until its last one.
    """

    seconds: float
    entered_at: datetime | None
    left_at: datetime | None


@dataclass(frozen=True, slots=True)
class Movement:
    """A track. `labels` are sorted by frequency. `path` has seconds since the start, and x and y of the standing point.

    `zones` are by id. `best` is the detection with the highest confidence, and `detections` are all of them.
    """

    label_group: str
    labels: tuple[str, ...]
    started_at: datetime
    ended_at: datetime
    path: tuple[tuple[float, float, float], ...]
    zones: Mapping[str, ZoneStay]
    entry: Side
    exit: Side
    moved: bool
    confidence: float
    best: int
    detections: tuple[int, ...]

    @property
    def seconds(self) -> float:
        return (self.ended_at - self.started_at).total_seconds()


def movement_of(track: Sequence[Sighting]) -> Movement:
    """Describe a track of `follow`."""
    places = _one_a_picture(track)
    best = max(track, key=lambda one: (one.confidence, -one.detection))
    return Movement(
        label_group=group_of(track[0].label),
        labels=tuple(label for label, _ in Counter(one.label for one in track).most_common()),
        started_at=places[0].at,
        ended_at=places[-1].at,
        path=_path(places),
        zones=_stays(places),
        entry=_side(places[0].box),
        exit=_side(places[-1].box),
        moved=_has_moved(places),
        confidence=best.confidence,
        best=best.detection,
        detections=tuple(one.detection for one in track),
    )


def people_at_once(tracks: Iterable[Sequence[Sighting]]) -> int:
    """Return the largest number of people in one picture.

    A person who was seen once only counts if the detection is sure, because a detector may see one person twice.
    """
    pictures: defaultdict[Picture, int] = defaultdict(int)
    found = False
    for track in tracks:
        if group_of(track[0].label) != "person":
            continue
        found = True
        seen_in = {one.picture for one in track}
        if len(seen_in) > 1 or track[0].confidence >= SURE:
            for picture in seen_in:
                pictures[picture] += 1
    return max(pictures.values(), default=int(found))


def _one_a_picture(track: Sequence[Sighting]) -> list[Sighting]:
    surest: dict[Picture, Sighting] = {}
    for one in track:
        surest.setdefault(one.picture, one)
    return list(surest.values())


def _path(places: Sequence[Sighting]) -> tuple[tuple[float, float, float], ...]:
    """Return the first, the last, and evenly chosen places between them."""
    last = len(places) - 1
    count = min(len(places), MOST_POINTS)
    chosen = [places[round(index * last / max(count - 1, 1))] for index in range(count)]
    begin = places[0].at
    return tuple(
        (round((one.at - begin).total_seconds(), 2), round(x, 4), round(min(y, 1.0), 4))
        for one in chosen
        for x, y in (one.standing_point,)
    )


def _stays(places: Sequence[Sighting]) -> dict[str, ZoneStay]:
    zones = sorted({zone for one in places for zone in one.zones})
    return {zone: stay for zone in zones if (stay := _stay(places, zone)) is not None}


def _stay(places: Sequence[Sighting], zone: str) -> ZoneStay | None:
    inside = [zone in one.zones for one in places]
    for index in range(1, len(places) - 1):
        before, after = places[index - 1].at, places[index + 1].at
        is_alone = inside[index - 1] == inside[index + 1] != inside[index]
        if is_alone and (after - before).total_seconds() < FLICKER_SECONDS:
            inside[index] = inside[index - 1]
    if not any(inside):
        return None
    seconds = 0.0
    entered_at = left_at = None
    times = [one.at for one in places]
    for (was_inside, before), (is_inside, at) in pairwise(zip(inside, times, strict=True)):
        if was_inside and is_inside:
            seconds += (at - before).total_seconds()
        elif is_inside:
            entered_at = entered_at or at
        elif was_inside:
            left_at = at
    return ZoneStay(round(seconds, 2), entered_at, left_at)


def _side(box: Box) -> Side:
    """Return the edge that a box touches. Left and right come first, because near objects also touch the bottom."""
    left, top, width, height = box
    margins = {Side.LEFT: left, Side.RIGHT: 1 - left - width, Side.TOP: top, Side.BOTTOM: 1 - top - height}
    across = min((Side.LEFT, Side.RIGHT), key=margins.__getitem__)
    along = min((Side.TOP, Side.BOTTOM), key=margins.__getitem__)
    return next((side for side in (across, along) if margins[side] <= EDGE), Side.CENTRE)


def _has_moved(places: Sequence[Sighting]) -> bool:
    left, top, width, height = places[0].box
    x, y = left + width / 2, top + height / 2
    return any(
        abs(one.box[0] + one.box[2] / 2 - x) > MOVED * max(width, one.box[2])
        or abs(one.box[1] + one.box[3] / 2 - y) > MOVED * max(height, one.box[3])
        for one in places
    )
