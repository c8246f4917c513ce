"""Durations and counts, summed over all processes and restarts.

Code adds to figures in memory: one short lock, no statement. `hsi.metrics.histogram_rows` adds them to shared rows
once a second. A process that is killed loses what was not written yet. This module needs no model, so it can be
imported before Django is set up.
"""

from __future__ import annotations

import bisect
import threading
from dataclasses import dataclass, field

# Upper bounds of the buckets, in seconds. One more bucket holds longer durations.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
# The stages of a picture. `delivery` is the time from an event to its notification.
STAGES = (
    "intake", "detection_wait", "detection", "batch", "analysis_wait", "analysis", "delivery", "upload_to_event",
)  # fmt: skip
STAGE, AI_REQUEST = "stage", "ai_request"
AI_FAILURE = "ai_failure"  # those of AI_REQUEST that failed
UPLOADS, ERRORS, LOG_LINES_DROPPED = "uploads", "errors", "log_lines_dropped"
NOTICES_MISSED = "notices_missed"
REJECTIONS = "rejections"  # answers of the language model, by the kind of the rejection
SUM = "_sum"  # the total of a histogram's seconds
# A bound on memory. Names come from our own code, so it should never be reached.
MOST_SERIES = 200
OTHER = "other"

Key = tuple[str, str]


@dataclass(slots=True)
class Bucket:
    """The durations in one bucket: their number, their sum and the longest."""

    count: int = 0
    seconds: float = 0.0
    longest: float = 0.0

    def add(self, other: Bucket) -> None:
        self.count += other.count
        self.seconds += other.seconds
        self.longest = max(self.longest, other.longest)


@dataclass(slots=True)
class Figures:
    """Durations by name, label and bucket, and counts by name and label."""

    durations: dict[tuple[str, str, int], Bucket] = field(default_factory=dict)
    counts: dict[Key, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.durations or self.counts)


_lock = threading.Lock()
_figures = Figures()
_series: set[Key] = set()


def observe(name: str, label: str, seconds: float) -> None:
    """Add a duration. `name` is STAGE, AI_REQUEST or AI_FAILURE. A negative duration counts as 0."""
    seconds = max(0.0, seconds)
    place = bisect.bisect_left(BOUNDS, seconds)
    with _lock:
        bucket = _figures.durations.setdefault((*_bounded(name, label), place), Bucket())
        bucket.count += 1
        bucket.seconds += seconds
        bucket.longest = max(bucket.longest, seconds)


def stage(name: str, seconds: float) -> None:
    """Add the duration of the stage `name` of STAGES for one picture, batch or event."""
    observe(STAGE, name, seconds)


def count(name: str, label: str = "", by: float = 1) -> None:
    with _lock:
        key = _bounded(name, label)
        _figures.counts[key] = _figures.counts.get(key, 0) + by


def _bounded(name: str, label: str) -> Key:
    if (name, label) not in _series:
        if len(_series) >= MOST_SERIES:
            return name, OTHER
        _series.add((name, label))
    return name, label


def take() -> Figures:
    """Return the figures gathered so far, and start from zero."""
    global _figures
    with _lock:
        taken, _figures = _figures, Figures()
        return taken


def give_back(taken: Figures) -> None:
    with _lock:
        for place, bucket in taken.durations.items():
            _figures.durations.setdefault(place, Bucket()).add(bucket)
        for key, value in taken.counts.items():
            _figures.counts[key] = _figures.counts.get(key, 0) + value
