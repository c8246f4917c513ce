from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import OperationalError, connection
from django.utils import timezone

from events.models import Event, Habit
from monitoring import habit_fill
from monitoring.models import JobRun
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
MIGRATION = import_module("monitoring.migrations.0002_fill_habits")


def events(number: int, days_ago: int = 1, label: str = "person") -> list[Event]:
    at = timezone.now() - timedelta(days=days_ago)
    found = [factories.event(started_at=at, created_at=at) for _ in range(number)]
    for event in found:
        factories.detection(factories.upload(event.camera), event.batches.get(), label=label)
    return found


def upgrade() -> JobRun | None:
    with connection.schema_editor() as editor:
        MIGRATION.request_fill(apps, editor)
    return JobRun.objects.filter(name=habit_fill.NAME).first()


def test_an_upgrade_fills_the_habits_in_chunks_with_its_progress(monkeypatch):
    monkeypatch.setattr(habit_fill, "CHUNK", 3)
    recent, old = events(7), events(1, days_ago=20)
    upgraded = upgrade()
    assert upgraded
    assert upgraded.total == 7
    later = events(1, days_ago=0)  # recorded with its event already
    Event.objects.filter(pk__in=[event.pk for event in later]).update(created_at=timezone.now())
    progress = []
    while habit_fill.step():
        run = JobRun.objects.get(pk=upgraded.pk)
        progress.append((run.counts["events"], run.outcome))
    assert progress == [(3, "running"), (6, "running"), (7, "done")]
    assert set(Habit.objects.values_list("event", flat=True)) == {event.pk for event in recent}
    assert old[0].pk not in Habit.objects.values_list("event", flat=True)


def failing(error: Exception):
    def record(*_):
        raise error

    return record


def test_a_chunk_is_repeated_when_the_database_was_unavailable(monkeypatch):
    events(2)
    upgrade()
    with monkeypatch.context() as broken:
        broken.setattr("events.habits.record", failing(OperationalError("gone")))
        with pytest.raises(OperationalError):
            habit_fill.step()
    assert habit_fill.step()
    assert Habit.objects.count() == 2


def test_an_error_ends_the_job_instead_of_stopping_the_housekeeping(monkeypatch):
    events(2)
    upgrade()
    monkeypatch.setattr("events.habits.record", failing(ValueError("wrong")))
    with pytest.raises(ValueError, match="wrong"):
        habit_fill.step()
    run = JobRun.objects.get()
    assert (run.outcome, run.error) == ("failed", "ValueError: wrong")
    assert not habit_fill.step()


def test_a_new_installation_and_one_without_recent_events_have_nothing_to_fill():
    events(1, days_ago=20)
    assert upgrade() is None
    assert not habit_fill.step()
