"""Work on many dead letters that a person asked for: it goes on while nobody watches, and its run says how far it is.

A run is done in parts, each one transaction with the letters and how far it came: whichever process dies, another
one goes on from there. Any number of processes may look for work; a part is one's own.
"""

from __future__ import annotations

from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from hsi import audit, failpoints
from hsi.logs.redaction import redact
from hsi.models import DeadLetter
from hsi.queues import dead_letters
from monitoring.models import JobRun

PART = 25
RESOLVE = {"requeue": dead_letters.requeue, "discard": dead_letters.discard}


def begin(verb: str, filters: dict[str, str], total: int) -> JobRun:
    """Ask for the oldest `total` open letters that match `deadletters.search(**filters)`; none that comes later."""
    newest = DeadLetter.objects.order_by("-id").values_list("id", flat=True).first() or 0
    with transaction.atomic():
        run = JobRun.objects.create(
            name=f"{verb} dead letters",
            started_at=timezone.now(),
            asked={"verb": verb, "filters": filters, "newest": newest, "actor": audit.actor()},
            asked_by=audit.acting_user(),
            total=total,
            counts={"requeued": 0, "discarded": 0},
        )
        audit.record(f"dead_letters_{verb}", f"job {run.pk}", after={"letters": total, **filters})
    return run


def stop(run: JobRun) -> bool:
    """End it after the part in hand. False: it is over already."""
    with transaction.atomic():
        stopped = (
            JobRun.objects.asked().filter(pk=run.pk).update(outcome=JobRun.Outcome.STOPPED, ended_at=timezone.now())
        )
        if stopped:
            audit.record("job_stopped", f"job {run.pk}")
    return bool(stopped)


def turn() -> bool:
    """Do one part of the oldest run. False: there is none. A run that fails is over; its error is raised."""
    run = JobRun.objects.asked().order_by("id").first()
    if run is None:
        return False
    try:
        return _part(run.pk)
    except (OperationalError, InterfaceError):  # the database is away: this is tried again
        raise
    except Exception as error:
        failure = redact(f"{type(error).__name__}: {error}".replace("\0", ""))
        JobRun.objects.asked().filter(pk=run.pk).update(
            outcome=JobRun.Outcome.FAILED, ended_at=timezone.now(), error=failure[:500]
        )
        raise


@transaction.atomic
def _part(number: int) -> bool:
    skip = connection.features.has_select_for_update_skip_locked
    run = JobRun.objects.asked().select_for_update(skip_locked=skip).filter(pk=number).first()
    if run is None:
        return False  # another process has it in hand, or it was stopped
    asked: Any = run.asked
    resolve, left = RESOLVE[asked["verb"]], (run.total or 0) - run.dealt_with
    open_letters = dead_letters.search(**asked["filters"]).filter(id__gt=run.place, id__lte=asked["newest"])
    letters = list(open_letters.order_by("id")[: min(PART, left)])
    with audit.by(asked["actor"]):
        for letter in letters:
            became = str(resolve(letter, run.asked_by) or "dealt_with_before")
            run.counts[became] = run.counts.get(became, 0) + 1
            failpoints.reach("errand.letter")
    run.place = letters[-1].pk if letters else run.place
    if len(letters) == left or len(letters) < PART:
        run.outcome, run.ended_at = JobRun.Outcome.DONE, timezone.now()
    run.save(update_fields=["place", "counts", "outcome", "ended_at"])
    return True
