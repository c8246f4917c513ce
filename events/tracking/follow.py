"""Link detections of one camera to tracks, at 0.1 to 10 pictures a second.

An object is looked for where it would be if it had kept its speed, within a distance that grows with the time since it
was last seen. Distances are in widths and heights of the object, so that one rule fits near and far objects, people and
cars. All pairs of a picture are chosen together (`assignment`): the nearest object often belongs to another track.

The figures are in docs/tracks.md: a greedy choice is worse (75 % against 89 % at two pictures a second), and so are
the trackers of `supervision` and `norfair` below 10 pictures a second. A colour histogram of each object gains 0 to 2
points at two pictures a second and 8 to 11 at one or less, and loses up to 6 at ten. It would read every picture again.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from detection.detectors.labels import group_of
from events.tracking.assignment import best_pairs

SAME_OBJECT_OVERLAP = 0.6  # of two boxes in one picture
MOST_IN_PICTURE = 50  # objects of a group that are followed; the surest ones
LONGEST_GAP_SECONDS = 30.0  # without a sighting; later the object is another one

# Distances are in widths and heights of the object.
NEAREST, PER_SECOND, FARTHEST = 0.3, 3.0, 5.0
FARTHEST_ALONE = 12.0  # if the picture and the time before have one object only
PREDICTED_SECONDS = 3.0  # how long an unseen object is expected to keep its speed
VELOCITY_SECONDS = 0.9  # time constant of the smoothed velocity
# An object that other pictures do not show has left, unless it appears where it is expected.
MISSED_PICTURES, MISSED_SECONDS, WHERE_EXPECTED = 2, 1.0, 0.3
# An object without a sighting for many of its usual intervals has left, unless it appears near its last place.
MANY_INTERVALS, LONG_SECONDS, NEAR_LAST_PLACE = 4, 3.0, 1.0
# Largest ratio of two heights, as a logarithm: at once, for each second, and at most.
SIZE_CHANGE, SIZE_CHANGE_PER_SECOND, MOST_SIZE_CHANGE = 0.4, 0.3, 0.9

Box = tuple[float, float, float, float]  # left, top, width, height, relative to the picture
Picture = tuple[int, float | None]  # the upload, and the offset of a frame in its clip


@dataclass(frozen=True, slots=True)
class Sighting:
    """A detection as the tracker sees it. `zones` are the ids of its zones."""

    detection: int
    picture: Picture
    at: datetime
    label: str
    confidence: float
    box: Box
    zones: tuple[str, ...] = ()

    @property
    def standing_point(self) -> tuple[float, float]:
        """Return the middle of the lower edge, which decides about zones (`cameras.zones`)."""
        left, top, width, height = self.box
        return left + width / 2, top + height


class Chain:
    """The sightings of one object, with its last place and velocity in shares of the picture a second."""

    __slots__ = ("at", "height", "interval", "number", "sightings", "vx", "vy", "width", "x", "y")

    def __init__(self, same: Sequence[Sighting], at: float, number: int) -> None:
        self.sightings = list(same)
        self.vx = self.vy = 0.0
        self.interval = math.inf  # seconds between its pictures, smoothed
        self.at, self.number = at, number
        self.x, self.y, self.width, self.height = _centred(same[0].box)

    def append(self, same: Sequence[Sighting], at: float, number: int) -> None:
        """Add the detections of the object in one picture, the surest first."""
        x, y, width, height = _centred(same[0].box)
        if (seconds := at - self.at) > 0:
            gain = 1 - math.exp(-seconds / VELOCITY_SECONDS) if self.interval < math.inf else 1.0
            self.interval = seconds if self.interval == math.inf else (self.interval + seconds) / 2
            self.vx += gain * ((x - self.x) / seconds - self.vx)
            self.vy += gain * ((y - self.y) / seconds - self.vy)
        self.x, self.y, self.width, self.height = x, y, width, height
        self.at, self.number = at, number
        self.sightings += same

    def cost(self, box: Box, at: float, number: int, farthest: float) -> float | None:
        """Return how far `box` (with its centre) is from the expected place: 0 to 1, or None if it is too far."""
        x, y, width, height = box
        seconds = at - self.at
        reach, expected = min(NEAREST + PER_SECOND * seconds, farthest), min(seconds, PREDICTED_SECONDS)
        if number - self.number - 1 > MISSED_PICTURES and seconds > MISSED_SECONDS:
            reach = WHERE_EXPECTED
        elif seconds > max(LONG_SECONDS, MANY_INTERVALS * self.interval):
            reach, expected = NEAR_LAST_PLACE, 0.0
        across = 2 * (x - self.x - self.vx * expected) / (width + self.width)
        if not -reach <= across <= reach:
            return None
        along = 2 * (y - self.y - self.vy * expected) / (height + self.height)
        distance = math.hypot(across, along)
        if distance > reach:
            return None
        allowed = min(SIZE_CHANGE + SIZE_CHANGE_PER_SECOND * seconds, MOST_SIZE_CHANGE)
        return distance / reach if abs(math.log(height / self.height)) <= allowed else None


def follow(sightings: Iterable[Sighting]) -> list[list[Sighting]]:
    """Return the tracks by their first sightings. Every sighting is in one track, in the order of time.

    Several detections of one object in one picture are in the same track, the surest one first. Objects beyond
    `MOST_IN_PICTURE` are left out.
    """
    groups: defaultdict[str, list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        groups[group_of(sighting.label)].append(sighting)
    tracks = [track for group in groups.values() for track in _follow_group(group)]
    return sorted(tracks, key=lambda track: (track[0].at, track[0].detection))


def _follow_group(sightings: Sequence[Sighting]) -> list[list[Sighting]]:
    chains: list[Chain] = []
    live: list[Chain] = []
    for number, (at, objects) in enumerate(_pictures(sightings)):
        live = [chain for chain in live if at - chain.at <= LONGEST_GAP_SECONDS]
        boxes = [_centred(same[0].box) for same in objects]
        farthest = FARTHEST_ALONE if len(live) == len(boxes) == 1 else FARTHEST
        costs = {}
        for row, chain in enumerate(live):
            for column, box in enumerate(boxes):
                if (cost := chain.cost(box, at, number, farthest)) is not None:
                    costs[row, column] = cost
        found = {column: live[row] for row, column in best_pairs(costs)}
        for column, same in enumerate(objects):
            if column in found:
                found[column].append(same, at, number)
            else:
                live.append(Chain(same, at, number))
                chains.append(live[-1])
    return [chain.sightings for chain in chains]


def _pictures(sightings: Sequence[Sighting]) -> list[tuple[float, list[list[Sighting]]]]:
    """Return the pictures by time in seconds, each with its objects: one or more detections, the surest first.

    Many cameras name files by whole seconds. Pictures with the same time are spread evenly over the time to the next
    one, at most a second, in the order of their arrival.
    """
    pictures: defaultdict[tuple[datetime, Picture], list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        pictures[sighting.at, sighting.picture].append(sighting)
    keys = sorted(pictures, key=lambda key: (key[0], key[1][0], key[1][1] or 0.0))
    times: defaultdict[float, list[list[list[Sighting]]]] = defaultdict(list)
    for key in keys:
        times[key[0].timestamp()].append(_objects(pictures[key]))
    moments = list(times)
    ends = [*moments[1:], math.inf]
    return [
        (at + index * min(1.0, end - at) / len(times[at]), objects)
        for at, end in zip(moments, ends, strict=True)
        for index, objects in enumerate(times[at])
    ]


def _objects(sightings: Sequence[Sighting]) -> list[list[Sighting]]:
    objects: list[list[Sighting]] = []
    for sighting in sorted(sightings, key=lambda one: (-one.confidence, one.detection)):
        for same in objects:
            if _overlap(same[0].box, sighting.box) >= SAME_OBJECT_OVERLAP:
                same.append(sighting)
                break
        else:
            if len(objects) < MOST_IN_PICTURE:
                objects.append([sighting])
    return objects


def _centred(box: Box) -> Box:
    left, top, width, height = box
    return left + width / 2, top + height / 2, width, height


def _overlap(one: Box, other: Box) -> float:
    """Return the intersection over union of two boxes."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)
