"""Counts of events, by what they are and by the clocks of their cameras."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from cameras.models import Camera
from events.models import Event
from events.stats import offsets, stats
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def door() -> Camera:
    return factories.camera("door", time_zone="Europe/Berlin")


def test_events_are_counted_by_what_they_are(client: Client, door: Camera):
    factories.event(door, risk_score=90, risk_level="critical", risk_source="llm", labels=["person", "car"])
    factories.event(door, risk_score=20, risk_level="low", labels=["person"], reviewed=True)
    factories.event(door, analysis="pending", labels=[])
    factories.event(factories.camera("garden"))
    client.force_login(factories.user(sees=door))
    answer = client.get("/api/events/stats").json()
    assert (answer["events"], answer["reviewed"], answer["unreviewed"]) == (3, 1, 2)
    assert answer["risk_levels"] == {"low": 1, "medium": 0, "high": 0, "critical": 1, "none": 1}
    assert answer["sources"] == {"llm": 1, "rules": 1, "none": 1}
    assert answer["analysis"] == {"pending": 1, "done": 2, "failed": 0}
    assert answer["cameras"] == {"door": 3}
    assert answer["labels"] == {"person": 2, "car": 1}
    assert answer["score"] == {"mean": 55.0, "max": 90}
    assert client.get("/api/events/stats", {"q": "person", "reviewed": "true"}).json()["events"] == 1


def test_of_no_events_there_is_nothing_to_count(client: Client):
    client.force_login(factories.user())
    answer = client.get("/api/events/stats").json()
    assert (answer["events"], answer["labels"], answer["score"]) == (0, {}, {"mean": None, "max": None})
    assert answer["hours"] == [0] * 24
    assert client.get("/api/events/stats", {"q": "!"}).json()["events"] == 0


@pytest.mark.parametrize(("day", "hours"), [(datetime(2026, 3, 29), 23), (datetime(2026, 10, 25), 25)])  # noqa: DTZ001
def test_hours_are_those_of_the_cameras_clock_when_it_is_changed(door: Camera, day: datetime, hours: int):
    """An event at every half past; the hour that is left out has none, the one that comes twice has two."""
    start = day.replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC) + timedelta(minutes=30)
    for number in range(hours):
        factories.event(door, started_at=start + timedelta(hours=number))
    counted = stats(Event.objects.all())
    assert counted["hours"] == [hours - 23 if hour == 2 else 1 for hour in range(24)]
    assert counted["weekdays"] == [0, 0, 0, 0, 0, 0, hours]  # both are Sundays


def test_each_camera_counts_by_its_own_clock_also_by_half_hours():
    """17:45 UTC on a Sunday is 23:15 in Kolkata, Monday 4:45 on Lord Howe, and 14:15 in St. John's."""
    at = datetime(2026, 3, 1, 17, 45, tzinfo=UTC)
    factories.event(factories.camera(time_zone="Asia/Kolkata"), started_at=at)
    factories.event(factories.camera(time_zone="Australia/Lord_Howe"), started_at=at)
    factories.event(factories.camera(time_zone="America/St_Johns"), started_at=at)
    counted = stats(Event.objects.all())
    assert {hour for hour, count in enumerate(counted["hours"]) if count} == {23, 4, 14}
    assert counted["weekdays"] == [1, 0, 0, 0, 0, 0, 2]


@pytest.mark.slow
def test_times_long_ago_are_counted(door: Camera):
    factories.event(door, started_at=datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))
    factories.event(door, started_at=datetime(1, 1, 2, tzinfo=UTC))
    assert sum(stats(Event.objects.all())["hours"]) == 2


def test_the_number_of_queries_is_that_of_the_time_zones(door: Camera, django_assert_num_queries):
    for _ in range(5):
        factories.event(door)
    with django_assert_num_queries(4):  # groups, cameras, hours, labels
        stats(Event.objects.all())


@pytest.mark.one_engine
def test_offsets_change_at_the_second_at_which_the_clock_does():
    found = offsets(ZoneInfo("Europe/Berlin"), datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
    changes = datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)
    assert found[:2] == [(changes[0], 3600), (changes[1], 7200)]
