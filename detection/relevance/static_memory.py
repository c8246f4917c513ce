"""What stays where it is in the pictures of one camera: parked cars, and a post that a detector calls a person.

Pure: it makes no queries. An object is the same as an earlier one if both have the
same group of labels and their boxes overlap enough. Boxes are compared with the mean of the earlier ones, so that an
object that moves slowly is a new object after a while.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from cameras.naming.file_names import TIMER
from detection.detectors import DetectedObject
from detection.detectors.labels import group_of
from detection.relevance.signature import Signature
from detection.relevance.view import ViewMemory

SAME_PLACE_OVERLAP = 0.6  # intersection over union
STATIC_SIGHTINGS = 10
PICTURE_INTERVAL = timedelta(seconds=0.9)  # pictures closer together show the same moment
NEW_FOR = timedelta(minutes=1)  # how long an object that appeared or moved is new
GONE_PICTURES = 3  # without the object, over at least `NEW_FOR`: it is gone, and new when it is back
FORGOTTEN_AFTER = timedelta(days=1)
# A person who is in the same place on the next day, in every picture until then, is not a person.
LONGEST_VISIT = timedelta(days=1)
# All pictures of a camera that sends them only on motion may show a person in the same place, on different days.
LONGEST_GAP_OF_A_PERSON = timedelta(hours=2)
# The place is the mean of a few boxes, and then follows so slowly that an object which moves leaves it.
FIRST_SIGHTINGS, LATER_WEIGHT = 3, 0.02
# The memory holds a few times as many objects as it looks at in a picture. More are a crowd, which moves.
MOST_OBJECTS = 64

PERSON, VEHICLE, WEAPON = "person", "vehicle", "weapon"


class Presence(enum.Enum):
    """How long an object has been in its place."""

    NEW = "new"
    THERE = "there"  # does not move, seen too few times to be sure that it stays
    STATIC = "static"


@dataclass(slots=True)
class KnownObject:
    """An object of the memory. It is remembered from `remembered_at` on, and a candidate before.

    `sightings` counts since it appeared; `appeared_at` is None if it was in the first picture of the camera.
    `first_picture` and `last_picture` are numbers of pictures. `pk` is that of its row.
    """

    label_group: str
    label: str
    x: float
    y: float
    width: float
    height: float
    since: datetime
    appeared_at: datetime | None
    last_seen_at: datetime
    sightings: int
    first_picture: int
    last_picture: int
    remembered_at: datetime | None = None
    pk: int | None = None


class StaticMemory:
    """The memory of one camera.

    It has seen `pictures` until `last_picture_at`. `changed`, `added` and `removed` are the remembered objects whose
    rows are to be written. When the `view` shows that the camera was turned, the memory starts again, and counts in
    `restarts`.
    """

    def __init__(
        self,
        objects: Sequence[KnownObject] = (),
        *,
        pictures: int = 0,
        last_picture_at: datetime | None = None,
        view: ViewMemory | None = None,
    ) -> None:
        self.objects = list(objects)
        self.view = view or ViewMemory()
        self.restarts = 0
        self.pictures = pictures
        self.last_picture_at = last_picture_at
        self.changed: dict[int, KnownObject] = {}
        self.added: list[KnownObject] = []
        self.removed: list[KnownObject] = []
        self.has_new_picture = False

    @property
    def candidates(self) -> list[KnownObject]:
        return [one for one in self.objects if one.remembered_at is None]

    def see(
        self,
        found: Sequence[DetectedObject],
        at: datetime,
        *,
        trigger: str = "",
        signature: Signature | None = None,
    ) -> list[Presence]:
        """Return the presence of each object found in the picture taken `at`, and remember the picture.

        `trigger` is what the file name says (`cameras.naming.file_names`). A picture that is older than
        the last one, or of the same moment, is compared with the memory, but not remembered.
        """
        best_first = sorted(range(len(found)), key=lambda n: -found[n].confidence)[:MOST_OBJECTS]
        best = [found[n] for n in best_first]
        last = self.last_picture_at
        is_late = last is not None and at < last + PICTURE_INTERVAL
        if signature is not None and not is_late and self.view.see(signature, at):
            self._restart()
        judged = self._compare(best, at, trigger) if is_late else self._remember(best, at, trigger)
        presences = [Presence.NEW] * len(found)
        for n, presence in zip(best_first, judged, strict=True):
            presences[n] = presence
        return presences

    def _restart(self) -> None:
        """Forget everything: objects of another place would hide those that stand where they were."""
        self._forget(list(self.objects))
        self.pictures = 0
        self.restarts += 1

    def _compare(self, found: Sequence[DetectedObject], at: datetime, trigger: str) -> list[Presence]:
        """Judge a picture by what is known now about the time at which it was taken."""
        known = [one for one in self.objects if one.since <= at]
        pairs = same_objects(known, found)
        return [self._presence(known[pairs[n]], at, trigger) if n in pairs else Presence.NEW for n in range(len(found))]

    def _remember(self, found: Sequence[DetectedObject], at: datetime, trigger: str) -> list[Presence]:
        is_first = self.pictures == 0
        self.pictures += 1
        self.last_picture_at = at
        self.has_new_picture = True
        self._forget([one for one in self.objects if self._is_over(one, at)])
        pairs = same_objects(self.objects, found)
        seen = {pairs[n]: n for n in pairs}
        presences = [Presence.NEW] * len(found)
        for index, n in seen.items():
            presences[n] = self._see_again(self.objects[index], found[n], at, trigger)
        missed = [one for index, one in enumerate(self.objects) if index not in seen]
        self._forget([one for one in missed if one.remembered_at is None and not self._is_mostly_there(one)])
        for n, one in enumerate(found):
            if n not in pairs:
                was_there = is_first and trigger in ("", TIMER)
                new = self._first_sight(one, at, was_there=was_there)
                presences[n] = self._presence(new, at, trigger)
        return presences

    def _first_sight(self, found: DetectedObject, at: datetime, *, was_there: bool) -> KnownObject:
        new = KnownObject(
            label_group=group_of(found.label),
            label=found.label,
            x=found.box.x,
            y=found.box.y,
            width=found.box.width,
            height=found.box.height,
            since=at,
            appeared_at=None if was_there else at,
            last_seen_at=at,
            sightings=1,
            first_picture=self.pictures,
            last_picture=self.pictures,
        )
        self.objects.append(new)
        return new

    def _see_again(self, known: KnownObject, found: DetectedObject, at: datetime, trigger: str) -> Presence:
        picture = self.pictures
        if self._is_gone(known, at):
            known.appeared_at, known.sightings, known.first_picture = at, 0, picture
        known.sightings += 1
        weight = 1 / known.sightings if known.sightings <= FIRST_SIGHTINGS else LATER_WEIGHT
        for name in ("x", "y", "width", "height"):
            before = getattr(known, name)
            setattr(known, name, before + (getattr(found.box, name) - before) * weight)
        known.label, known.last_seen_at, known.last_picture = found.label, at, picture
        presence = self._presence(known, at, trigger)
        if presence is Presence.STATIC and known.remembered_at is None:
            known.remembered_at = at
            self.added.append(known)
            self._forget_earlier_scene(known)
        if known.pk is not None:
            self.changed[known.pk] = known
        return presence

    def _presence(self, known: KnownObject, at: datetime, trigger: str) -> Presence:
        is_new = known.appeared_at is not None and at - known.appeared_at < NEW_FOR
        if not is_new and self._is_static(known, at):
            return Presence.STATIC
        if trigger == TIMER and known.sightings > 1:
            return Presence.THERE
        if is_new or known.label_group in (PERSON, WEAPON):
            return Presence.NEW
        # Of all things only a vehicle is likely to stand in the first picture of a camera.
        was_there = known.appeared_at is None and known.label_group == VEHICLE
        return Presence.THERE if was_there or at - known.since >= NEW_FOR else Presence.NEW

    def _is_static(self, known: KnownObject, at: datetime) -> bool:
        if not self._is_mostly_there(known):
            return False
        if known.remembered_at is not None:
            return True
        may_be_a_visitor = (
            known.label_group == PERSON and known.appeared_at is not None and at - known.since < LONGEST_VISIT
        )
        return known.sightings >= STATIC_SIGHTINGS and not may_be_a_visitor

    def _is_mostly_there(self, known: KnownObject) -> bool:
        """Return whether it is in at least half of the pictures since the first one with it."""
        return 2 * known.sightings >= self.pictures - known.first_picture + 1

    def _is_gone(self, known: KnownObject, at: datetime) -> bool:
        missed = self.pictures - known.last_picture - 1
        return missed >= GONE_PICTURES and at - known.last_seen_at >= NEW_FOR

    def _is_over(self, known: KnownObject, at: datetime) -> bool:
        unseen_for = at - known.last_seen_at
        if unseen_for > FORGOTTEN_AFTER:
            return True
        may_be_a_visitor = known.label_group == PERSON and at - known.since < LONGEST_VISIT
        if may_be_a_visitor and unseen_for > (NEW_FOR if known.appeared_at is None else LONGEST_GAP_OF_A_PERSON):
            return True
        return known.remembered_at is None and self._is_gone(known, at)

    def _forget_earlier_scene(self, settled: KnownObject) -> None:
        """Forget what was remembered before the camera was turned.

        It was turned if all of it disappeared when `settled` appeared: then a real object that stands where one of
        them was must not be taken for it.
        """
        earlier = [one for one in self.objects if one.remembered_at is not None and one is not settled]
        newest = max((one.last_picture for one in earlier), default=None)
        if newest is not None and 0 <= settled.first_picture - newest <= GONE_PICTURES + 1:
            self._forget(earlier)

    def _forget(self, gone: Sequence[KnownObject]) -> None:
        for one in gone:
            self.objects.remove(one)
            if one.pk is not None:
                self.changed.pop(one.pk, None)
                self.removed.append(one)
            elif one.remembered_at is not None:
                self.added.remove(one)


def same_objects(known: Sequence[KnownObject], found: Sequence[DetectedObject]) -> dict[int, int]:
    """Return pairs of equal objects, as indices: found to known. The largest overlaps come first."""
    if not known or not found:
        return {}
    overlaps = _overlaps(
        np.array([(one.x, one.y, one.width, one.height) for one in known]),
        np.array([(one.box.x, one.box.y, one.box.width, one.box.height) for one in found]),
    )
    groups = [group_of(one.label) for one in found]
    close = sorted(zip(*np.nonzero(overlaps >= SAME_PLACE_OVERLAP), strict=True), key=lambda pair: -overlaps[pair])
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for index, n in ((int(one), int(other)) for one, other in close):
        if n not in pairs and index not in taken and known[index].label_group == groups[n]:
            pairs[n] = index
            taken.add(index)
    return pairs


def _overlaps(known: NDArray[np.float64], found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the intersection over union of each known box (rows) with each found one (columns)."""
    one, other = known[:, None, :], found[None, :, :]
    upper_left = np.maximum(one[..., :2], other[..., :2])
    lower_right = np.minimum(one[..., :2] + one[..., 2:], other[..., :2] + other[..., 2:])
    shared = np.clip(lower_right - upper_left, 0, None).prod(axis=-1)
    overlaps: NDArray[np.float64] = shared / (one[..., 2:].prod(axis=-1) + other[..., 2:].prod(axis=-1) - shared)
    return overlaps
