"""Event statistics, computed by the database: by property, and by local hour and weekday of the cameras."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BigIntegerField, Case, Count, F, Func, Max, Min, QuerySet, Sum, Value, When

from cameras.models import Camera
from events.models import Event

HOUR, WEEK = 3600, 7 * 24 * 3600
# Whole weeks from the year 1 beyond 1970. They make every time positive, because engines divide negative numbers
# differently.
BEFORE = 110_000 * WEEK
THURSDAY = 3  # 1970-01-01 with Monday as 0
BY = ("camera_id", "risk_level", "risk_source", "analysis", "reviewed")
UNJUDGED = "none"
LABELS = {
    "postgresql": "jsonb_array_elements_text(found.labels) AS label(value)",
    "sqlite": "json_each(found.labels) AS label",
}


class ScoreData(TypedDict):
    """Scores of the events that have one. Null if there is none."""

    mean: float | None
    max: int | None


class EventStatsData(TypedDict):
    """Counts of events. `hours` begin at midnight, `weekdays` with Monday, in the time zone of each camera."""

    events: int
    reviewed: int
    unreviewed: int
    risk_levels: dict[str, int]
    sources: dict[str, int]
    analysis: dict[str, int]
    cameras: dict[str, int]
    labels: dict[str, int]
    score: ScoreData
    hours: list[int]
    weekdays: list[int]


def stats(events: QuerySet[Event]) -> EventStatsData:
    """Return the statistics with three queries, each reading `events` once, and one more per further time zone."""
    groups = list(
        events.order_by()
        .values(*BY)
        .annotate(
            n=Count("pk"), scored=Count("risk_score"), total=Sum("risk_score"), top=Max("risk_score"),
            first=Min("started_at"), last=Max("started_at"),
        )
    )  # fmt: skip
    count, scored = sum(group["n"] for group in groups), sum(group["scored"] for group in groups)
    reviewed = sum(group["n"] for group in groups if group["reviewed"])
    hours, weekdays = _by_clock(events, groups)
    return {
        "events": count,
        "reviewed": reviewed,
        "unreviewed": count - reviewed,
        "risk_levels": _by("risk_level", groups, [*Event.Level.values, UNJUDGED]),
        "sources": _by("risk_source", groups, [*Event.Source.values, UNJUDGED]),
        "analysis": _by("analysis", groups, Event.Analysis.values),
        "cameras": _by("camera_id", groups, sorted({group["camera_id"] for group in groups})),
        "labels": _labels(events),
        "score": {
            "mean": round(sum(group["total"] or 0 for group in groups) / scored, 2) if scored else None,
            "max": max((group["top"] for group in groups if group["top"] is not None), default=None),
        },
        "hours": hours,
        "weekdays": weekdays,
    }


def _by(name: str, groups: Iterable[dict[str, Any]], keys: Iterable[str]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for group in groups:
        counts[group[name] or UNJUDGED] += group["n"]
    return {key: counts[key] for key in keys}


def _labels(events: QuerySet[Event]) -> dict[str, int]:
    """Return the number of events per label, the most frequent first."""
    try:
        found, parameters = events.order_by().values("labels").query.sql_with_params()
    except EmptyResultSet:
        return {}
    sql = (
        f"SELECT label.value, COUNT(*) FROM ({found}) AS found, {LABELS[connection.vendor]}"
        " GROUP BY label.value ORDER BY 2 DESC, 1"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return dict(cursor.fetchall())


class _Epoch(Func):
    """Whole seconds since 1970."""

    output_field = BigIntegerField()
    template = "CAST(FLOOR(EXTRACT(EPOCH FROM %(expressions)s)) AS bigint)"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST(strftime('%%%%s', substr(%(expressions)s, 1, 19)) AS integer)"
        return self.as_sql(compiler, connection, template=template, **context)


def _by_clock(events: QuerySet[Event], groups: list[dict[str, Any]]) -> tuple[list[int], list[int]]:
    hours, weekdays = [0] * 24, [0] * 7
    for zone, cameras, first, last in _zones(groups):
        of_zone = events.filter(camera__in=cameras).order_by()
        clock = _Epoch(F("started_at")) + _offset(zone, first, last) + Value(BEFORE, output_field=BigIntegerField())
        # Hours since Thursday midnight of the local week: 168 groups for any number of events.
        local = of_zone.annotate(local=clock / Value(HOUR) % Value(WEEK // HOUR))
        for hour, count in local.values("local").annotate(n=Count("pk")).values_list("local", "n"):
            hours[hour % 24] += count
            weekdays[(hour // 24 + THURSDAY) % 7] += count
    return hours, weekdays


def _zones(groups: Iterable[dict[str, Any]]) -> Iterator[tuple[ZoneInfo, list[str], datetime, datetime]]:
    """Return each time zone with its cameras, and the times of their first and last events."""
    members: dict[str, list[dict[str, Any]]] = defaultdict(list)
    zones = {camera.pk: camera.zone for camera in Camera.objects.all()}
    for group in groups:
        if zone := zones.get(group["camera_id"]):  # else the camera was just deleted with its events
            members[zone.key].append(group)
    for name, of_zone in members.items():
        cameras = sorted({group["camera_id"] for group in of_zone})
        times = [group["first"] for group in of_zone], [group["last"] for group in of_zone]
        yield ZoneInfo(name), cameras, min(times[0]), max(times[1])


def _offset(zone: ZoneInfo, first: datetime, last: datetime) -> Any:
    """Return SQL for the seconds by which the zone is ahead of UTC at `started_at`."""
    *before, (_, now) = offsets(zone, first, last)
    cases = [When(started_at__lt=until, then=Value(seconds)) for until, seconds in before]
    return Case(*cases, default=Value(now)) if cases else Value(now)


def offsets(zone: ZoneInfo, first: datetime, last: datetime) -> list[tuple[datetime, int]]:
    """Yield (until, seconds ahead of UTC) from `first` to `last`, with an entry for each change of the clocks."""
    found, at, day = [], first, timedelta(days=1)
    while at < last:
        following = min(at + day, last)
        if _ahead(zone, at) != _ahead(zone, following):
            found.append((change_between(zone, at, following), _ahead(zone, at)))
        at = following
    return [*found, (last, _ahead(zone, last))]


def change_between(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the second at which the clocks change between two times with different offsets."""
    low, high = int(before.timestamp()), int(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        same = _ahead(zone, datetime.fromtimestamp(middle, UTC)) == _ahead(zone, before)
        low, high = (middle, high) if same else (low, middle)
    return datetime.fromtimestamp(high, UTC)


def _ahead(zone: ZoneInfo, at: datetime) -> int:
    offset = zone.utcoffset(at.astimezone(zone))
    return int(offset.total_seconds()) if offset else 0
