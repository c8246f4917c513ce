"""The rows of histograms, which all processes share: totals, and one histogram a minute."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import QuerySet

from hsi.db import clock
from hsi.metrics import histograms
from hsi.models import CounterValue, LatencyBucket


def flush() -> None:
    """Add the figures of this process to the shared rows. Keeps them on DatabaseError or InterfaceError."""
    taken = histograms.take()
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
            histograms.give_back(taken)


def _totals(taken: histograms.Figures) -> Iterable[tuple[str, str, int, float]]:
    for (name, label), value in taken.counts.items():
        yield name, label, 0, value
    for (name, label, place), bucket in taken.durations.items():
        yield name, label, place, bucket.count
        yield name + histograms.SUM, label, place, bucket.seconds


def add_tallies(rows: Iterable[tuple[str, str, int, float]]) -> None:
    """Add to tallies: name, label, bucket, how much. In a fixed order, so that no two processes wait for each other."""
    table = CounterValue._meta.db_table
    _execute_many(
        f"INSERT INTO {table} (name,label,bucket,value) VALUES (%s,%s,%s,%s)"
        f" ON CONFLICT (name,label,bucket) DO UPDATE SET value={table}.value+excluded.value",
        sorted(rows),
    )


def _add_samples(taken: histograms.Figures, minute: datetime) -> None:
    table = LatencyBucket._meta.db_table
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


def expired(now: datetime) -> QuerySet[LatencyBucket]:
    """Return the samples that are too old."""
    return LatencyBucket.objects.filter(minute__lt=now - timedelta(days=settings.LATENCY_RETENTION_DAYS))
