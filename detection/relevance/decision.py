"""What counts: which detected objects may start or extend an event. Pure functions without a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cameras.zones import Point, contains
from detection.detectors import Box, DetectedObject
from detection.detectors.labels import group_of
from detection.models import Detection
from detection.relevance.signature import Signature
from detection.relevance.static_memory import Presence, StaticMemory

Numbers = Mapping[str, float]  # by label or group of labels; a label comes before its group
Ignored = Detection.Ignored


@dataclass(frozen=True, slots=True)
class Mask:
    """An area in which objects do not count. `labels` are labels and groups; empty: all."""

    polygon: Sequence[Point]
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts for one camera. `labels` are labels and groups. Sizes are shares of the picture's area.

    `sure` has the confidences from which one detection is enough for an event. A label without one is always sure.
    """

    labels: frozenset[str]
    thresholds: Numbers = field(default_factory=dict)
    min_sizes: Numbers = field(default_factory=dict)
    max_sizes: Numbers = field(default_factory=dict)
    sure: Numbers = field(default_factory=dict)
    masks: Sequence[Mask] = ()


NO_RULES = Rules(labels=frozenset())  # for pictures without objects


@dataclass(frozen=True, slots=True)
class Frame:
    """The objects detected in a still (`offset_seconds` is None) or in one frame of a clip.

    `signature` is None if a picture of about the same time has one.
    """

    found: Sequence[DetectedObject]
    offset_seconds: float | None = None
    signature: Signature | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """One object in one frame. If it counts (`ignored` is empty), it extends an event, and perhaps `starts` one."""

    found: DetectedObject
    offset_seconds: float | None
    ignored: str = ""
    starts: bool = False
    is_sure: bool = False


def sightings_in(
    frames: Sequence[Frame], captured_at: datetime, rules: Rules, memory: StaticMemory, trigger: str = ""
) -> list[Sighting]:
    """Judge every object in the frames of one upload, in their order, and show the frames to the memory."""
    sightings = []
    for frame in frames:
        reasons = [reason_to_ignore(one, rules) for one in frame.found]
        # An object below a threshold is still there, and an object that is not looked for is not worth a memory.
        seen = [n for n, reason in enumerate(reasons) if reason in ("", Ignored.CONFIDENCE)]
        at = captured_at + timedelta(seconds=frame.offset_seconds or 0)
        objects = [frame.found[n] for n in seen]
        judged = memory.see(objects, at, trigger=trigger, signature=frame.signature)
        presences = dict(zip(seen, judged, strict=True))
        for n, (one, reason) in enumerate(zip(frame.found, reasons, strict=True)):
            sightings.append(_sighting(one, frame.offset_seconds, reason, presences.get(n), rules))
    return sightings


def _sighting(
    found: DetectedObject, offset_seconds: float | None, reason: str, presence: Presence | None, rules: Rules
) -> Sighting:
    if not reason and presence is Presence.STATIC:
        reason = Ignored.STATIC
    if reason:
        return Sighting(found, offset_seconds, ignored=str(reason))
    is_sure = found.confidence >= number_for(found.label, rules.sure, 0.0)
    return Sighting(found, offset_seconds, starts=presence is Presence.NEW, is_sure=is_sure)


def reason_to_ignore(found: DetectedObject, rules: Rules) -> str:
    """Return why an object does not count by itself, apart from earlier pictures. Empty: it counts."""
    if not is_listed(found.label, rules.labels):
        return Ignored.LABEL
    if found.confidence < number_for(found.label, rules.thresholds, 0.0):
        return Ignored.CONFIDENCE
    size = found.box.width * found.box.height
    if not number_for(found.label, rules.min_sizes, 0.0) <= size <= number_for(found.label, rules.max_sizes, 1.0):
        return Ignored.SIZE
    if any(is_masked(found, mask) for mask in rules.masks):
        return Ignored.ZONE
    return ""


def is_masked(found: DetectedObject, mask: Mask) -> bool:
    applies = not mask.labels or is_listed(found.label, mask.labels)
    return applies and contains(mask.polygon, standing_point(found.box))


def is_listed(label: str, labels: frozenset[str]) -> bool:
    return label in labels or group_of(label) in labels


def number_for(label: str, numbers: Numbers, default: float) -> float:
    return numbers.get(label, numbers.get(group_of(label), default))


def standing_point(box: Box) -> Point:
    """Return where an object stands: the middle of the lower edge of its box."""
    return box.x + box.width / 2, min(1.0, box.y + box.height)
