"""The timeline: events per local hour, day, week or month, by risk level."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from events.models import Event
from events.severity import LEVELS
from events.stats import UNJUDGED, change_between
from hsi.times import iso

BUCKETS = ("hour", "day", "week", "month")
MOST_BUCKETS = 1000
# The length of a timeline without a start.
LOOKS_BACK = {
    "hour": timedelta(days=2),
    "day": timedelta(days=30),
    "week": timedelta(weeks=26),
    "month": timedelta(days=365),
}


class BucketData(TypedDict):
    """A bucket from `start` up to `end` (exclusive), in UTC. `label` is the local time or date at its start."""

    start: str
    end: str
    label: str
    events: int
    risk_levels: dict[str, int]
    max_score: int | None


class TimelineData(TypedDict):
    """All buckets of the requested time, oldest first, including empty ones."""

    bucket: str
    timezone: str
    buckets: list[BucketData]


class TooManyBucketsError(ValueError):
    """The timeline would have more than `MOST_BUCKETS` buckets."""


def timeline(events: QuerySet[Event], bucket: str, zone: ZoneInfo, after: datetime, before: datetime) -> TimelineData:
    """Return the timeline, with one query.

    Raises `TooManyBucketsError`, and `OverflowError` at the ends of the calendar.
    """
    edges = boundaries(bucket, zone, after, before)
    filled = [_empty(bucket, zone, start, end) for start, end in pairwise(edges)]
    for place, level, count, score in _counted(events, edges):
        into = filled[place]
        into["events"] += count
        into["risk_levels"][level or UNJUDGED] += count
        into["max_score"] = max((value for value in (into["max_score"], score) if value is not None), default=None)
    return {"bucket": bucket, "timezone": zone.key, "buckets": filled}


def boundaries(bucket: str, zone: ZoneInfo, after: datetime, before: datetime) -> list[datetime]:
    """Return `after`, the boundaries between buckets, and `before`. A day of a clock change has 23 or 25 hours."""
    edges = [after]
    for edge in _hours(zone, after) if bucket == "hour" else _dates(bucket, zone, after):
        if edge >= before:
            break
        if edge > edges[-1]:  # a day that the zone skipped has no length
            edges.append(edge)
        if len(edges) > MOST_BUCKETS:
            raise TooManyBucketsError
    return [*edges, before] if before > after else []


def _hours(zone: ZoneInfo, at: datetime) -> Iterator[datetime]:
    """Yield the full local hours, and the clock changes."""
    while True:
        local = at.astimezone(zone)
        full = at + timedelta(hours=1) - timedelta(
            minutes=local.minute, seconds=local.second, microseconds=local.microsecond
        )  # fmt: skip
        changed = full.astimezone(zone).utcoffset() != local.utcoffset()
        at = change_between(zone, at, full) if changed else full
        yield at


def _dates(bucket: str, zone: ZoneInfo, at: datetime) -> Iterator[datetime]:
    """Yield the first moment of each day, Monday or month."""
    day = at.astimezone(zone).date()
    if bucket == "week":
        day -= timedelta(days=day.weekday())
    if bucket == "month":
        day = day.replace(day=1)
    while True:
        day = _following(bucket, day)
        yield datetime.combine(day, time(), zone).astimezone(UTC)


def _following(bucket: str, day: date) -> date:
    if bucket == "month":
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=7 if bucket == "week" else 1)


def _empty(bucket: str, zone: ZoneInfo, start: datetime, end: datetime) -> BucketData:
    local = start.astimezone(zone)
    labels = {"hour": local.isoformat(timespec="minutes"), "week": f"{local:%G-W%V}", "month": f"{local:%Y-%m}"}
    return {
        "start": iso(start),
        "end": iso(end),
        "label": labels.get(bucket, local.date().isoformat()),
        "events": 0,
        "risk_levels": dict.fromkeys((*LEVELS, UNJUDGED), 0),
        "max_score": None,
    }


def _counted(events: QuerySet[Event], edges: list[datetime]) -> list[tuple[int, str | None, int, int | None]]:
    """Return (index of the bucket, risk level, events, highest score) for each combination that occurs."""
    if not edges:
        return []
    within = events.filter(started_at__gte=edges[0], started_at__lt=edges[-1]).order_by()
    try:
        events_sql, parameters = within.values("started_at", "risk_level", "risk_score").query.sql_with_params()
    except EmptyResultSet:
        return []
    counting = _by_postgresql if connection.vendor == "postgresql" else _by_sqlite
    with connection.cursor() as cursor:
        cursor.execute(*counting(events_sql, parameters, edges))
        return list(cursor.fetchall())


def _by_postgresql(events_sql: str, parameters: tuple[Any, ...], edges: list[datetime]) -> tuple[str, list[Any]]:
    sql = (
        "SELECT width_bucket(started_at, %s::timestamptz[]) - 1, risk_level, COUNT(*), MAX(risk_score)"
        f" FROM ({events_sql}) AS found GROUP BY 1, 2"
    )
    return sql, [edges, *parameters]


def _by_sqlite(events_sql: str, parameters: tuple[Any, ...], edges: list[datetime]) -> tuple[str, list[Any]]:
    """Count on SQLite. Each bucket reads its part of the index of times."""
    texts = [str(edge.replace(tzinfo=None)) for edge in edges]
    sql = (
        "SELECT bucket.key, risk_level, COUNT(*), MAX(risk_score)"
        f" FROM json_each(%s) AS bucket CROSS JOIN ({events_sql}) AS found"
        " ON started_at >= json_extract(bucket.value, '$[0]') AND started_at < json_extract(bucket.value, '$[1]')"
        " GROUP BY 1, 2"
    )
    return sql, [json.dumps(list(pairwise(texts))), *parameters]
