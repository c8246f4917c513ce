"""How long things took and how often they happened, over all processes and restarts.

Working code adds to figures in memory: one short lock, no statement. Once a second `flush` adds them to rows that all
processes share: totals, and one histogram a minute. A process that is killed loses what it had not flushed yet.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import QuerySet

from hsi.db import clock
from hsi.models import StageSample, Tally

# Upper edges of the buckets, in seconds; one more bucket has what is above.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
# The way of a picture. `delivery` is from an event's message to its notification.
STAGES = (
    "intake", "detection_wait", "detection", "batch", "analysis_wait", "analysis", "delivery", "upload_to_event",
)  # fmt: skip
STAGE, AI_REQUEST = "stage", "ai_request"
AI_FAILURE = "ai_failure"  # those of AI_REQUEST that failed
UPLOADS, ERRORS, LOG_LINES_DROPPED = "uploads", "errors", "log_lines_dropped"
NOTICES_MISSED = "notices_missed"
SUM = "_sum"  # the total of a histogram's seconds
# Names come from our code; this bounds memory should one ever not.
MOST_SERIES = 200
OTHER = "other"

Key = tuple[str, str]


@dataclass(slots=True)
class Bucket:
    """What fell into one bucket: how often, how many seconds in all, and the longest."""

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
    """`name` is STAGE, AI_REQUEST or AI_FAILURE. A clock that went back counts as no time."""
    seconds = max(0.0, seconds)
    place = bisect.bisect_left(BOUNDS, seconds)
    with _lock:
        bucket = _figures.durations.setdefault((*_bounded(name, label), place), Bucket())
        bucket.count += 1
        bucket.seconds += seconds
        bucket.longest = max(bucket.longest, seconds)


def stage(name: str, seconds: float) -> None:
    """One picture, batch or event went through the stage `name` of STAGES."""
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
    """What was gathered, which is forgotten here."""
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


def flush() -> None:
    """Add what was gathered to the rows. Raises DatabaseError or InterfaceError, and then keeps it."""
    taken = take()
    if not taken:
        return
    done = False
    try:
        minute = clock.now().replace(second=0, microsecond=0)
        with transaction.atomic():
            add_tallies(_totals(taken))
            _add_samples(taken, minute)
        done = True
    finally:
        if not done:
            give_back(taken)


def _totals(taken: Figures) -> Iterable[tuple[str, str, int, float]]:
    for (name, label), value in taken.counts.items():
        yield name, label, 0, value
    for (name, label, place), bucket in taken.durations.items():
        yield name, label, place, bucket.count
        yield name + SUM, label, place, bucket.seconds


def add_tallies(rows: Iterable[tuple[str, str, int, float]]) -> None:
    """Add to tallies: name, label, bucket, how much. In a fixed order, so that no two processes wait for each other."""
    table = Tally._meta.db_table
    _execute_many(
        f"INSERT INTO {table} (name,label,bucket,value) VALUES (%s,%s,%s,%s)"
        f" ON CONFLICT (name,label,bucket) DO UPDATE SET value={table}.value+excluded.value",
        sorted(rows),
    )


def _add_samples(taken: Figures, minute: datetime) -> None:
    table = StageSample._meta.db_table
    at = connections[DEFAULT_DB_ALIAS].ops.adapt_datetimefield_value(minute)
    _execute_many(
        f"INSERT INTO {table} (name,label,minute,bucket,count,seconds,longest) VALUES (%s,%s,%s,%s,%s,%s,%s)"
        f" ON CONFLICT (name,label,minute,bucket) DO UPDATE SET count={table}.count+excluded.count,"
        f" seconds={table}.seconds+excluded.seconds,"
        f" longest=CASE WHEN excluded.longest>{table}.longest THEN excluded.longest ELSE {table}.longest END",
        [
            (name, label, at, place, one.count, one.seconds, one.longest)
            for (name, label, place), one in sorted(taken.durations.items(), key=lambda item: item[0])
        ],
    )


def _execute_many(statement: str, rows: list[Any]) -> None:
    if rows:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.executemany(statement, rows)


def expired(now: datetime) -> QuerySet[StageSample]:
    """Return the samples that are too old."""
    return StageSample.objects.filter(minute__lt=now - timedelta(days=settings.LATENCY_RETENTION_DAYS))
