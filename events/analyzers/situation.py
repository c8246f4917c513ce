"""A situation: what a context says about place, habit, light and people, without its single pictures.

More pictures of the same objects make the same situation, so no score depends on how often a camera takes a picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from detection.detectors.labels import group_of
from detection.relevance.decision import number_for
from detection.relevance.rules import numbers_by_label
from events.analyzers import Context, Identity, Seen
from events.analyzers.light import Light

HABIT_DAYS = 10
PLACE_NOT_SET = ""
# From the least to the most protected ground. A camera without a place is judged like one at the entrance.
PLACES = ("street", PLACE_NOT_SET, "entrance", "driveway", "indoor", "private")
SURE_CONFIDENCE = 0.6


@dataclass(frozen=True, slots=True)
class Subject:
    """All objects of one label."""

    label: str
    group: str
    count: int = 1  # the most in one picture
    confidence: float = 1.0  # the best
    place: str = PLACE_NOT_SET  # the most protected ground that one of them stood on
    habit_days: int = 0  # of the last `HABIT_DAYS` days, at this hour, on this ground
    seconds: float = 0.0  # from the first picture with one of them to the last
    pictures: int = 1  # matters for weapons only
    sure_confidence: float = SURE_CONFIDENCE

    @property
    def is_sure(self) -> bool:
        return self.confidence >= self.sure_confidence


@dataclass(frozen=True, slots=True)
class Situation:
    """What happened in front of one camera."""

    camera_name: str
    at: datetime  # local time of the camera
    light: Light
    subjects: tuple[Subject, ...]
    identity: Identity = Identity.NOT_CHECKED
    paths: tuple[str, ...] = ()  # of the objects that moved, people first
    seconds: float = 0.0
    pictures: int = 1


def situation_of(context: Context) -> Situation:
    """Return the situation of a batch."""
    return Situation(
        camera_name=context.camera_name,
        at=context.started_at,
        light=context.light,
        subjects=tuple(_subject(label, count, context) for label, count in together(context).items()),
        identity=context.identity,
        paths=context.paths,
        seconds=_seconds(context.seen),
        pictures=len({picture(one) for one in context.seen}),
    )


def _subject(label: str, count: int, context: Context) -> Subject:
    seen = [one for one in context.seen if one.label == label]
    group = group_of(label)
    zone_kinds = {most_protected(one.zone_kinds) for one in seen}
    zone_kind = max(zone_kinds, key=lambda kind: PLACES.index(kind or context.place))
    return Subject(
        label=label,
        group=group,
        count=count,
        confidence=max(one.confidence for one in seen),
        place=zone_kind or context.place,
        habit_days=context.habits.get((zone_kind, group), 0),
        seconds=_seconds(seen),
        pictures=len({picture(one) for one in seen}),
        sure_confidence=sure_confidence(label),
    )


def most_protected(zone_kinds: Iterable[str]) -> str:
    """Return the kind of the most protected zone, or "" if no zone has a kind that is a place."""
    return max((kind for kind in zone_kinds if kind and kind in PLACES), key=PLACES.index, default=PLACE_NOT_SET)


def sure_confidence(label: str) -> float:
    """Return the confidence from which one detection of this label is sure."""
    return number_for(label, numbers_by_label(settings.DETECTION_SURE_THRESHOLDS), SURE_CONFIDENCE)


def together(context: Context) -> dict[str, int]:
    """Return for each label the highest number in one picture, which is a lower bound of how many there were.

    The most frequent label comes first.
    """
    pictures: dict[tuple[object, ...], Counter[str]] = {}
    for detection in context.seen:
        pictures.setdefault(picture(detection), Counter())[detection.label] += 1
    return {label: max(counts[label] for counts in pictures.values()) for label in context.labels}


def picture(detection: Seen) -> tuple[object, ...]:
    """Return what identifies a picture in its batch."""
    return (detection.upload_id, detection.captured_at, detection.frame_offset_seconds)


def _seconds(seen: Iterable[Seen]) -> float:
    times = [one.captured_at for one in seen]
    return (max(times) - min(times)).total_seconds() if times else 0.0
