"""Events over time: how many, of which risk, in each hour, day, week or month of a clock on the wall."""

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
# How far back a timeline goes that does not say since when.
LOOKS_BACK = {
    "hour": timedelta(days=2),
    "day": timedelta(days=30),
    "week": timedelta(weeks=26),
    "month": timedelta(days=365),
}


class BucketData(TypedDict):
    """From `start` to before `end`, in UTC. `label` is what a clock or calendar on the wall says at its start."""

    start: str
    end: str
    label: str
    events: int
    risk_levels: dict[str, int]
    max_score: int | None


class TimelineData(TypedDict):
    """Every bucket of the time that was asked for, oldest first, those without an event as well."""

    bucket: str
    timezone: str
    buckets: list[BucketData]


class TooManyBucketsError(ValueError):
    """More than `MOST_BUCKETS`."""


def timeline(events: QuerySet[Event], bucket: str, zone: ZoneInfo, after: datetime, before: datetime) -> TimelineData:
    """One query. Raises `TooManyBucketsError`, and `OverflowError` at the ends of the calendar."""
    edges = boundaries(bucket, zone, after, before)
    found = [_empty(bucket, zone, start, end) for start, end in pairwise(edges)]
    for place, level, count, score in _counted(events, edges):
        into = found[place]
        into["events"] += count
        into["risk_levels"][level or UNJUDGED] += count
        into["max_score"] = max((one for one in (into["max_score"], score) if one is not None), default=None)
    return {"bucket": bucket, "timezone": zone.key, "buckets": found}


def boundaries(bucket: str, zone: ZoneInfo, after: datetime, before: datetime) -> list[datetime]:
    """`after`, where buckets meet, and `before`. A day on which the clocks are changed has 23 or 25 hours."""
    edges = [after]
    for edge in _hours(zone, after) if bucket == "hour" else _dates(bucket, zone, after):
        if edge >= before:
            break
        if edge > edges[-1]:  # a day that a zone left out has no length
            edges.append(edge)
        if len(edges) > MOST_BUCKETS:
            raise TooManyBucketsError
    return [*edges, before] if before > after else []


def _hours(zone: ZoneInfo, at: datetime) -> Iterator[datetime]:
    """Full hours of the zone's clock, and where it is changed."""
    while True:
        local = at.astimezone(zone)
        full = at + timedelta(hours=1) - timedelta(
            minutes=local.minute, seconds=local.second, microseconds=local.microsecond
        )  # fmt: skip
        changed = full.astimezone(zone).utcoffset() != local.utcoffset()
        at = change_between(zone, at, full) if changed else full
        yield at


def _dates(bucket: str, zone: ZoneInfo, at: datetime) -> Iterator[datetime]:
    """The first moment of each day, Monday or month."""
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
    """(place of the bucket, risk level, events, highest score) where there are any."""
    if not edges:
        return []
    within = events.filter(started_at__gte=edges[0], started_at__lt=edges[-1]).order_by()
    try:
        found, parameters = within.values("started_at", "risk_level", "risk_score").query.sql_with_params()
    except EmptyResultSet:
        return []
    counting = _by_postgresql if connection.vendor == "postgresql" else _by_sqlite
    with connection.cursor() as cursor:
        cursor.execute(*counting(found, parameters, edges))
        return list(cursor.fetchall())


def _by_postgresql(found: str, parameters: tuple[Any, ...], edges: list[datetime]) -> tuple[str, list[Any]]:
    sql = (
        "SELECT width_bucket(started_at, %s::timestamptz[]) - 1, risk_level, COUNT(*), MAX(risk_score)"
        f" FROM ({found}) AS found GROUP BY 1, 2"
    )
    return sql, [edges, *parameters]


def _by_sqlite(found: str, parameters: tuple[Any, ...], edges: list[datetime]) -> tuple[str, list[Any]]:
    """Each bucket reads its part of the index of times."""
    texts = [str(edge.replace(tzinfo=None)) for edge in edges]
    sql = (
        "SELECT bucket.key, risk_level, COUNT(*), MAX(risk_score)"
        f" FROM json_each(%s) AS bucket CROSS JOIN ({found}) AS found"
        " ON started_at >= json_extract(bucket.value, '$[0]') AND started_at < json_extract(bucket.value, '$[1]')"
        " GROUP BY 1, 2"
    )
    return sql, [json.dumps(list(pairwise(texts))), *parameters]
