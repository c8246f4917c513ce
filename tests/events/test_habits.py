from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cameras.models import Camera
from events import habits
from events.alerting.matching import LabelSummary
from events.analyzers.situation import HABIT_DAYS
from events.models import Event, Habit
from hsi.db.row_retention import expired_rows
from hsi.models import AuditEntry
from tests import factories

pytestmark = pytest.mark.django_db
TODAY = date(2026, 3, 1)


@pytest.fixture
def door() -> Camera:
    return factories.camera("door", time_zone="Europe/Berlin")


def seen(camera: Camera, day: date, hour: int, *labels: str, **values: Any) -> Event:
    """An event of that local hour of the camera, whose habits are recorded."""
    at = datetime(day.year, day.month, day.day, hour, 30, tzinfo=camera.zone)
    event = factories.event(camera, started_at=at, ended_at=at)
    habits.record(event, [LabelSummary(label, **{"confidence": 0.9, **values}) for label in labels or ("person",)])
    return event


def days_seen(camera: Camera, hour: int, minute: int = 0) -> dict[habits.Key, int]:
    return habits.days_seen(camera.pk, datetime(2026, 3, 1, hour, minute, tzinfo=camera.zone))


def test_a_habit_is_the_number_of_days_on_which_a_kind_of_object_was_seen_within_an_hour(door: Camera):
    for days in (1, 1, 2, 4):
        seen(door, TODAY - timedelta(days=days), 10, "person", "truck")
    seen(door, TODAY - timedelta(days=3), 11, "car")
    seen(door, TODAY - timedelta(days=5), 12)
    seen(factories.camera("garden"), TODAY - timedelta(days=6), 10)
    assert days_seen(door, 10) == {("", "person"): 3, ("", "vehicle"): 4}
    assert days_seen(door, 11, 59) == {("", "person"): 4, ("", "vehicle"): 4}
    assert days_seen(door, 14) == {}


def test_only_the_ten_days_before_count(door: Camera):
    for days in (0, HABIT_DAYS, HABIT_DAYS + 1):
        seen(door, TODAY - timedelta(days=days), 10)
    assert days_seen(door, 10) == {("", "person"): 1}


def test_midnight_does_not_end_a_habit(door: Camera):
    for days in (2, 3):
        seen(door, TODAY - timedelta(days=days), 23)
        seen(door, TODAY - timedelta(days=days), 0)
    seen(door, TODAY - timedelta(days=1), 23)  # an hour ago
    assert days_seen(door, 0, 10) == {("", "person"): 3}  # 23:30 of the days -2 and -3 are the nights -1 and -2
    assert days_seen(door, 23) == {("", "person"): 4}  # 0:30 of day -3 is an hour after 23:30 of day -4


def test_the_hour_is_that_of_the_camera(door: Camera):
    event = factories.event(door, started_at=datetime(2026, 2, 27, 23, 30, tzinfo=UTC))
    habits.record(event, [LabelSummary("person", 0.9)])
    habit = Habit.objects.get()
    assert (habit.day, habit.hour) == (date(2026, 2, 28), 0)


def test_an_uncertain_detection_makes_no_habit(door: Camera):
    seen(door, TODAY - timedelta(days=1), 2, confidence=0.55)
    assert not Habit.objects.exists()


def test_people_in_the_street_do_not_make_a_person_at_the_door_a_habit(door: Camera):
    for zone, kind in (("road", "street"), ("porch", "entrance"), ("area", "")):
        factories.zone(door, id=zone, kind=kind)
    yesterday = TODAY - timedelta(days=1)
    seen(door, yesterday, 10, zones=frozenset({"road"}))
    assert days_seen(door, 10) == {("street", "person"): 1}
    seen(door, yesterday, 10, zones=frozenset({"road", "porch"}))
    seen(door, yesterday, 10, zones=frozenset({"area", "deleted"}))
    assert days_seen(door, 10) == {("street", "person"): 1, ("entrance", "person"): 1, ("", "person"): 1}


def test_recording_is_one_upsert_and_a_habit_belongs_to_the_latest_event(door: Camera):
    yesterday = TODAY - timedelta(days=1)
    first = seen(door, yesterday, 10)
    with CaptureQueriesContext(connection) as queries:
        habits.record(first, [LabelSummary("person", 0.9), LabelSummary("dog", 0.9), LabelSummary("cat", 0.9)])
    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) == 1
    last = seen(door, yesterday, 10)
    assert dict(Habit.objects.values_list("label_group", "event")) == {"person": last.pk, "animal": first.pk}
    first.delete()
    assert [habit.label_group for habit in Habit.objects.all()] == ["person"]
    last.delete()
    assert not Habit.objects.exists()


def test_rows_that_no_score_counts_are_expired(door: Camera):
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    kept, old = (seen(door, TODAY - timedelta(days=days), 10) for days in (HABIT_DAYS + 1, HABIT_DAYS + 3))
    (expired,) = (rows for rows in expired_rows(now) if rows.model is Habit)
    assert [habit.event_id for habit in expired] == [old.pk]
    assert Habit.objects.filter(event=kept).exists()


def test_habits_are_listed_and_cleared_by_the_api(client: Client, door: Camera, monkeypatch):
    today = datetime.now(door.zone).date()
    for days in (1, 2):
        seen(door, today - timedelta(days=days), 10)
    seen(door, today, 9)
    theirs = seen(factories.camera("garden"), today - timedelta(days=1), 10)
    client.force_login(factories.admin())
    answer = client.get("/api/cameras/door/habits").json()
    assert answer["items"] == [{"camera": "door", "zone_kind": "", "label_group": "person", "hour": 10, "days": 2}]
    assert client.delete("/api/cameras/door/habits").status_code == 204
    assert [habit.event_id for habit in Habit.objects.all()] == [theirs.pk]
    entry = AuditEntry.objects.get(action="habits_cleared")
    assert (entry.object, entry.before) == ("camera door", {"rows": 3})
    assert client.delete("/api/cameras/door/habits").status_code == 204
    assert AuditEntry.objects.filter(action="habits_cleared").count() == 1


def test_the_page_of_the_camera_lists_habits_and_clears_them(client: Client, door: Camera, data_dir):
    today = datetime.now(door.zone).date()
    factories.zone(door, id="lawn", kind="private")
    for hour in (7, 8):
        seen(door, today - timedelta(days=1), hour, zones=frozenset({"lawn"}))
    client.force_login(factories.admin())
    text = client.get(reverse("admin:camera", args=["door"])).text
    assert "7:00 (1), 8:00 (1)" in text
    assert "private ground" in text
    address = reverse("admin:clear_habits", args=["door"])
    assert "The habits are cleared" in client.post(address, follow=True).text
    assert not Habit.objects.exists()
    assert "There were no habits" in client.post(address, follow=True).text
