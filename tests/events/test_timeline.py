"""Buckets of a clock on the wall, right on the days on which it is changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from cameras.models import Camera
from events.models import Event
from events.timeline import BUCKETS, MOST_BUCKETS, TooManyBucketsError, boundaries, timeline
from tests import factories

BERLIN, KOLKATA, LORD_HOWE, BEIRUT = map(
    ZoneInfo, ("Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Beirut")
)
SPRING, AUTUMN = datetime(2026, 3, 29), datetime(2026, 10, 25)  # noqa: DTZ001 (a clock on the wall)


def midnight(day: datetime, zone: ZoneInfo = BERLIN) -> datetime:
    return day.replace(tzinfo=zone).astimezone(UTC)


@pytest.fixture
def door() -> Camera:
    return factories.camera("door", time_zone="Europe/Berlin")


@pytest.fixture
def viewer(client: Client, door: Camera) -> Client:
    client.force_login(factories.user(sees=door))
    return client


@pytest.mark.one_engine
@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25), (datetime(2026, 6, 1), 24)])  # noqa: DTZ001
def test_a_day_on_which_the_clock_is_changed_has_23_or_25_hours(day: datetime, hours: int):
    first, second = midnight(day), midnight(day + timedelta(days=1))
    assert boundaries("day", BERLIN, first, second) == [first, second]
    assert second - first == timedelta(hours=hours)
    edges = boundaries("hour", BERLIN, first, second)
    assert [end - start for start, end in pairwise(edges)] == [timedelta(hours=1)] * hours


@pytest.mark.one_engine
def test_where_the_clock_is_changed_by_half_an_hour_the_hours_begin_when_it_shows_them():
    start = datetime(2026, 4, 4, 12, tzinfo=UTC)  # until 15:00 UTC it is 11 hours ahead, then 10:30
    edges = boundaries("hour", LORD_HOWE, start, start + timedelta(hours=5))
    assert [f"{edge:%H:%M}" for edge in edges] == ["12:00", "13:00", "14:00", "15:00", "15:30", "16:30", "17:00"]


@pytest.mark.one_engine
def test_a_day_without_a_midnight_begins_with_its_first_moment():
    start = datetime(2026, 3, 28, 12, tzinfo=UTC)  # in Beirut the clock goes from 24:00 to 1:00
    edges = boundaries("day", BEIRUT, start, start + timedelta(days=2))
    assert [edge.astimezone(BEIRUT).strftime("%d %H:%M") for edge in edges[1:-1]] == ["29 01:00", "30 00:00"]


@pytest.mark.one_engine
@given(
    st.sampled_from(BUCKETS),
    st.sampled_from([BERLIN, KOLKATA, LORD_HOWE, BEIRUT, ZoneInfo("America/St_Johns"), ZoneInfo("Pacific/Apia")]),
    st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.timedeltas(timedelta(0), timedelta(days=20)),
)
def test_buckets_cover_the_time_without_a_gap_and_each_says_something_else(
    bucket: str, zone: ZoneInfo, after: datetime, length: timedelta
):
    edges = boundaries(bucket, zone, after, after + length)
    assert (edges == []) is (not length)
    assert edges == sorted(set(edges))
    if edges:
        assert (edges[0], edges[-1]) == (after, after + length)
    if bucket != "hour":
        dates = [edge.astimezone(zone).date() for edge in edges[:-1]]
        assert len(set(dates)) == len(dates)
        assert all(one.weekday() == 0 for one in dates[1:] if bucket == "week")
        assert all(one.day == 1 for one in dates[1:] if bucket == "month")


@pytest.mark.one_engine
def test_more_buckets_than_anybody_looks_at_are_refused():
    with pytest.raises(TooManyBucketsError):
        boundaries("hour", BERLIN, midnight(SPRING), midnight(SPRING) + timedelta(hours=MOST_BUCKETS + 1))


@pytest.mark.django_db
@pytest.mark.parametrize(("zone", "hours"), [(BERLIN, 25), (KOLKATA, 24)])
def test_every_event_is_in_its_bucket(zone: ZoneInfo, hours: int):
    """One at the first moment of each hour, and one a microsecond before it."""
    start, end = midnight(AUTUMN, zone), midnight(AUTUMN + timedelta(days=1), zone)
    for number in range(hours + 1):
        at = start + timedelta(hours=number)
        factories.event(started_at=at, risk_score=90, risk_level="critical")
        factories.event(started_at=at - timedelta(microseconds=1), analysis="pending")
    found = timeline(Event.objects.all(), "hour", zone, start, end)["buckets"]
    assert [bucket["events"] for bucket in found] == [2] * hours
    assert all((one["risk_levels"]["critical"], one["risk_levels"]["none"]) == (1, 1) for one in found)
    assert {bucket["max_score"] for bucket in found} == {90}
    (day,) = timeline(Event.objects.all(), "day", zone, start, end)["buckets"]
    assert (day["events"], day["label"]) == (2 * hours, "2026-10-25")


@pytest.mark.django_db
def test_the_hour_that_comes_twice_has_two_labels(viewer: Client, door: Camera):
    factories.event(door, started_at=datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    factories.event(door, started_at=datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
    query = {"bucket": "hour", "camera": "door", "after": "2026-10-25T00:00:00Z", "before": "2026-10-25T02:00:00Z"}
    answer = viewer.get("/api/events/timeline", query).json()
    assert answer["timezone"] == "Europe/Berlin"
    assert [(one["label"], one["events"]) for one in answer["buckets"]] == [
        ("2026-10-25T02:00+02:00", 1),
        ("2026-10-25T02:00+01:00", 1),
    ]


@pytest.mark.django_db
def test_the_timeline_counts_what_its_reader_may_see_and_asked_for(viewer: Client, door: Camera, settings: Any):
    settings.TIME_ZONE = "Asia/Kolkata"
    factories.event(door, summary="A fox.")
    factories.event(door, summary="An owl.")
    factories.event(factories.camera("garden"), summary="A fox.")

    def total(**query: str) -> tuple[str, int]:
        times = {"after": "2026-03-01T00:00:00Z", "before": "2026-03-02T00:00:00Z"}
        answer = viewer.get("/api/events/timeline", {**times, **query}).json()
        return answer["timezone"], sum(one["events"] for one in answer["buckets"])

    assert total() == ("Asia/Kolkata", 2)
    assert total(q="fox", camera="door") == ("Europe/Berlin", 1)
    assert total(camera="garden") == ("Asia/Kolkata", 0)  # not even its time zone is told
    assert total(timezone="America/St_Johns") == ("America/St_Johns", 2)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("bucket=second", "bucket"),
        ("bucket=hour&after=2020-01-01&before=2026-01-01", "bucket"),
        ("timezone=Mars/Olympus", "timezone"),
        ("timezone=../../etc/passwd", "timezone"),
        ("timezone=a%00b", "timezone"),
        ("before=0001-01-02T00:00:00Z", "after"),
        ("after=9999-12-30T00:00:00Z&before=9999-12-31T23:59:59Z&timezone=Asia/Kolkata", "after"),
        ("cursor=x", "cursor"),
        ("limit=5", "limit"),
    ],
)
def test_a_timeline_that_cannot_be_is_an_error_of_its_field(viewer: Client, query: str, field: str):
    answer = viewer.get(f"/api/events/timeline?{query}")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
