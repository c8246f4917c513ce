"""Convert the claims of a detector, in pixels, to objects: one strict step for all detectors."""

from __future__ import annotations

import heapq
import logging
import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

from django.conf import settings

from detection.detectors import Box, DetectedObject
from detection.detectors.labels import canonical

logger = logging.getLogger(__name__)

# RT-DETR returns at most 300 objects per picture. More are a fault.
MAX_OBJECTS_PER_PICTURE = 300
MANY_OBJECTS_NOTE = f"{MAX_OBJECTS_PER_PICTURE} or more objects in one picture: only the most confident are stored"

# For detectors without their own threshold.
DEFAULT_THRESHOLD = 0.5


def threshold(own: float = DEFAULT_THRESHOLD) -> float:
    """Return the confidence below which objects are dropped: the set one, else the detector's `own`."""
    return settings.DETECTION_CONFIDENCE_THRESHOLD or own


@dataclass(frozen=True, slots=True)
class RawObject:
    """An untrusted claim of a detector, with edges in pixels of the picture."""

    label: str
    confidence: float
    left: float
    top: float
    right: float
    bottom: float


def most_confident(found: list[DetectedObject]) -> list[DetectedObject]:
    """Return the most confident objects of one picture, at most 300, also of a detector that has no sieve."""
    if len(found) <= MAX_OBJECTS_PER_PICTURE:
        return found
    return heapq.nlargest(MAX_OBJECTS_PER_PICTURE, found, key=attrgetter("confidence"))


class Sieve:
    """Pass plausible claims, and count the others in `dropped`. Threads can share it.

    Only the first drop is logged, so that a faulty detector does not flood the log.
    """

    def __init__(self, detector: str) -> None:
        self.detector = detector
        self.dropped = 0
        self._lock = threading.Lock()

    def objects(
        self, claims: Iterable[RawObject], size: tuple[int, int], own_threshold: float = DEFAULT_THRESHOLD
    ) -> list[DetectedObject]:
        """Return the best objects in a picture of `size` (width, height), at most 300, best first.

        Objects below the threshold are dropped. Boxes are clipped to the picture. A claim is dropped if its confidence
        is not from 0 to 1, an edge is not finite, or its box is outside the picture.
        """
        least = threshold(own_threshold)
        possible, impossible = [], 0
        for claim in claims:
            if not 0.0 <= claim.confidence <= 1.0:
                impossible += 1
            elif claim.confidence >= least:
                possible.append(claim)
        possible.sort(key=attrgetter("confidence"), reverse=True)
        found: list[DetectedObject] = []
        for claim in possible:
            if len(found) == MAX_OBJECTS_PER_PICTURE:
                break
            box = relative_box(claim, size)
            if box is None:
                impossible += 1
            else:
                found.append(DetectedObject(canonical(claim.label), claim.confidence, box))
        if impossible:
            self._count(impossible)
        return found

    def _count(self, number: int) -> None:
        with self._lock:
            first = self.dropped == 0
            self.dropped += number
        if first:
            logger.warning(
                "%s answers with impossible boxes or confidences; they are dropped and counted", self.detector
            )


def relative_box(claim: RawObject, size: tuple[int, int]) -> Box | None:
    """Return the part of the box inside a picture of `size`, from 0 to 1, or None."""
    edges = (claim.left, claim.top, claim.right, claim.bottom)
    if not all(map(math.isfinite, edges)):
        return None
    width, height = size
    left, right = (min(max(edge / width, 0.0), 1.0) for edge in (claim.left, claim.right))
    top, bottom = (min(max(edge / height, 0.0), 1.0) for edge in (claim.top, claim.bottom))
    if right <= left or bottom <= top:
        return None
    return Box(x=left, y=top, width=right - left, height=bottom - top)
