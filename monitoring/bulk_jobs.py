"""Bulk jobs: requeue or discard many dead letters in the background.

Housekeeping works on a job in chunks. Each chunk is one transaction that also stores the progress, so another process
can continue after a crash. A row lock gives each chunk to one process.
"""

from __future__ import annotations

from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from hsi import audit, failpoints
from hsi.models import DeadLetter
from hsi.queues import dead_letters
from monitoring.job_runs import mark_failed
from monitoring.models import JobRun

CHUNK = 25
RESOLVE = {"requeue": dead_letters.requeue, "discard": dead_letters.discard}


def begin(verb: str, filters: dict[str, str], total: int) -> JobRun:
    """Start a job for the oldest `total` open dead letters that match `filters` now."""
    newest = DeadLetter.objects.order_by("-id").values_list("id", flat=True).first() or 0
    with transaction.atomic():
        run = JobRun.objects.create(
            name=f"{verb} dead letters",
            started_at=timezone.now(),
            request={"verb": verb, "filters": filters, "newest": newest, "actor": audit.actor()},
            requested_by=audit.acting_user(),
            total=total,
            counts={"requeued": 0, "discarded": 0},
        )
        audit.record(f"dead_letters_{verb}", f"job {run.pk}", after={"letters": total, **filters})
    return run


def stop(run: JobRun) -> bool:
    """Stop the job after the current chunk. Return False if it has ended."""
    with transaction.atomic():
        stopped = (
            JobRun.objects.requested().filter(pk=run.pk).update(outcome=JobRun.Outcome.STOPPED, ended_at=timezone.now())
        )
        if stopped:
            audit.record("job_stopped", f"job {run.pk}")
    return bool(stopped)


def step() -> bool:
    """Process one chunk of the oldest job. Return False if there is none. An error ends the job and is raised."""
    run = JobRun.objects.requested().order_by("id").first()
    if run is None:
        return False
    try:
        return _do_chunk(run.pk)
    except (OperationalError, InterfaceError):  # the database is unavailable: try again later
        raise
    except Exception as error:
        mark_failed(JobRun.objects.requested().filter(pk=run.pk), error)
        raise


@transaction.atomic
def _do_chunk(number: int) -> bool:
    skip = connection.features.has_select_for_update_skip_locked
    run = JobRun.objects.requested().select_for_update(skip_locked=skip).filter(pk=number).first()
    if run is None:
        return False  # another process works on it, or it was stopped
    request: Any = run.request
    resolve, left = RESOLVE[request["verb"]], (run.total or 0) - run.dealt_with
    open_letters = dead_letters.search(**request["filters"]).filter(id__gt=run.cursor, id__lte=request["newest"])
    letters = list(open_letters.order_by("id")[: min(CHUNK, left)])
    with audit.by(request["actor"]):
        for letter in letters:
            result = str(resolve(letter, run.requested_by) or "dealt_with_before")
            run.counts[result] = run.counts.get(result, 0) + 1
            failpoints.reach("bulk_job.dead_letter")
    run.cursor = letters[-1].pk if letters else run.cursor
    if len(letters) == left or len(letters) < CHUNK:
        run.outcome, run.ended_at = JobRun.Outcome.DONE, timezone.now()
    run.save(update_fields=["cursor", "counts", "outcome", "ended_at"])
    return True
