"""Fill the table of habits from the events before an upgrade, in the background.

The migration that comes with the table creates the job. Housekeeping works on it in chunks, and each chunk is one
transaction that also stores the progress, so another process can continue after a crash.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from events import habits
from events.alerting.matching import labels_of_events
from events.models import Event
from monitoring.job_runs import mark_failed
from monitoring.models import JobRun

NAME = "habits"
CHUNK = 100


def step() -> bool:
    """Process one chunk of events. Return False if there is nothing to do. An error ends the job and is raised."""
    try:
        return _do_chunk()
    except (OperationalError, InterfaceError):  # the database is unavailable: try again later
        raise
    except Exception as error:
        mark_failed(_running(), error)
        raise


def _running() -> QuerySet[JobRun]:
    return JobRun.objects.filter(name=NAME, outcome=JobRun.Outcome.RUNNING)


@transaction.atomic
def _do_chunk() -> bool:
    skip = connection.features.has_select_for_update_skip_locked
    run = _running().select_for_update(skip_locked=skip).order_by("id").first()
    if run is None:
        return False  # it is done, or another process works on it
    since = run.started_at - timedelta(days=habits.KEPT_DAYS)
    recent = Event.objects.filter(started_at__gte=since, created_at__lt=run.started_at, pk__gt=run.cursor)
    events = list(recent.select_related("camera").order_by("pk")[:CHUNK])
    summaries = labels_of_events(event.pk for event in events)
    for event in events:
        habits.record(event, summaries.get(event.pk, []))
    run.cursor = events[-1].pk if events else run.cursor
    run.counts = {"events": run.counts.get("events", 0) + len(events)}
    if len(events) < CHUNK:
        run.outcome, run.ended_at = JobRun.Outcome.DONE, timezone.now()
    run.save(update_fields=["cursor", "counts", "outcome", "ended_at"])
    return True
