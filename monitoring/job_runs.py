"""Record runs of housekeeping jobs: times, outcome, counts."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from hsi.logs.redaction import redact
from monitoring.models import JobRun


class Run:
    """A run in progress. The row is created at the start, so that a crashed run is visible."""

    def __init__(self, name: str) -> None:
        self._row = JobRun.objects.create(name=name, started_at=timezone.now())
        self._counts: dict[str, int] = {}

    def count(self, what: str, number: int) -> None:
        self._counts[what] = self._counts.get(what, 0) + number

    def done(self) -> None:
        self._end(JobRun.Outcome.DONE)

    def failed(self, error: BaseException) -> None:
        self._end(JobRun.Outcome.FAILED, f"{type(error).__name__}: {error}")

    def _end(self, outcome: JobRun.Outcome, error: str = "") -> None:
        JobRun.objects.filter(pk=self._row.pk).update(
            outcome=outcome, ended_at=timezone.now(), counts=self._counts, error=redact(error.replace("\0", ""))[:500]
        )


def mark_failed(runs: QuerySet[JobRun], error: BaseException) -> None:
    """Record that `error` ended these runs."""
    failure = redact(f"{type(error).__name__}: {error}".replace("\0", ""))
    runs.update(outcome=JobRun.Outcome.FAILED, ended_at=timezone.now(), error=failure[:500])


def note(name: str, counts: dict[str, int]) -> None:
    """Record a run that has ended."""
    now = timezone.now()
    JobRun.objects.create(name=name, started_at=now, ended_at=now, outcome=JobRun.Outcome.DONE, counts=counts)


def expired(now: datetime) -> QuerySet[JobRun]:
    """Return the runs that are too old."""
    return JobRun.objects.filter(started_at__lt=now - timedelta(days=settings.JOB_RETENTION_DAYS))
