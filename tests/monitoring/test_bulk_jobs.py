from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import OperationalError

from cameras.models import Upload
from hsi import audit, failpoints
from hsi.models import AuditEntry, DeadLetter, QueueJob
from monitoring import bulk_jobs
from monitoring.housekeeping import Housekeeper
from monitoring.models import JobRun
from tests import factories
from tests.monitoring.retention.test_crash import MANAGE, database_url

pytestmark = pytest.mark.django_db(transaction=True)

ANN = {"user": "ann", "token": "", "address": "192.0.2.1", "request_id": "r1"}


def letters(number: int, **values: Any) -> list[DeadLetter]:
    camera = factories.camera()
    return [factories.dead_letter(factories.upload(camera, state=Upload.State.DEAD), **values) for _ in range(number)]


def begin(verb: str = "requeue", total: int = 1000, **filters: str) -> JobRun:
    with audit.by(ANN):
        return bulk_jobs.begin(verb, filters, total)


def finish() -> int:
    """Parts that were done until nothing was left."""
    parts = 0
    while bulk_jobs.step():
        parts += 1
    return parts


def test_every_letter_is_dealt_with_in_parts_and_its_run_tells_how_many():
    number = bulk_jobs.CHUNK * 2 + 3
    letters(number)
    run = begin()
    assert finish() == 3
    run.refresh_from_db()
    assert (run.outcome, run.counts, run.requested_by) == (
        "done",
        {"requeued": number, "discarded": 0},
        "ann",
    )
    assert run.ended_at is not None
    assert QueueJob.objects.count() == number
    assert not Upload.objects.exclude(state=Upload.State.WAITING).exists()


def test_who_asked_is_in_the_audit_log_for_the_run_and_for_each_letter():
    (letter,) = letters(1)
    run = begin("discard")
    finish()
    entries = AuditEntry.objects.order_by("id").values_list("user", "address", "request_id", "action", "object")
    assert list(entries) == [
        ("ann", "192.0.2.1", "r1", "dead_letters_discard", f"job {run.pk}"),
        ("ann", "192.0.2.1", "r1", "dead_letter_discarded", f"dead letter {letter.pk}"),
    ]
    letter.refresh_from_db()
    assert (letter.state, letter.resolved_by) == ("discarded", "ann")


def test_only_those_that_match_and_were_there_and_no_more_than_asked_for():
    first, second, third = letters(3, error_type="Slow")
    (other,) = letters(1, error_type="Else")
    begin(total=2, error="Slow")
    (late,) = letters(1, error_type="Slow")
    assert finish() == 1
    states = dict(DeadLetter.objects.values_list("pk", "state"))
    assert states == {first.pk: "requeued", second.pk: "requeued", third.pk: "open", other.pk: "open", late.pk: "open"}
    begin(error="Slow")
    (latest,) = letters(1, error_type="Slow")
    finish()
    assert DeadLetter.objects.get(pk=latest.pk).state == "open"
    assert DeadLetter.objects.get(pk=late.pk).state == "requeued"


def test_a_letter_whose_row_is_gone_is_counted_as_discarded():
    letters(1)
    factories.dead_letter(row_id=10**9)
    run = begin()
    finish()
    run.refresh_from_db()
    assert run.counts == {"requeued": 1, "discarded": 1}


def test_one_that_is_stopped_leaves_the_rest_open():
    letters(bulk_jobs.CHUNK + 1)
    run = begin()
    assert bulk_jobs.step()
    with audit.by(ANN):
        assert bulk_jobs.stop(run)
        assert not bulk_jobs.stop(run)
    assert not bulk_jobs.step()
    run.refresh_from_db()
    assert (run.outcome, run.counts["requeued"]) == ("stopped", bulk_jobs.CHUNK)
    assert DeadLetter.objects.filter(state="open").count() == 1
    assert AuditEntry.objects.filter(action="job_stopped", user="ann").count() == 1


def test_one_without_letters_is_over_at_once():
    run = begin()
    assert finish() == 1
    run.refresh_from_db()
    assert run.outcome == "done"


def test_one_that_fails_says_so_and_does_not_hold_up_the_next(monkeypatch: pytest.MonkeyPatch):
    (letter,) = letters(1)
    run, next_run = begin(), begin("discard")

    def refuse(*_: object) -> bool:
        raise ValueError("no\0")

    monkeypatch.setitem(bulk_jobs.RESOLVE, "requeue", refuse)
    with pytest.raises(ValueError, match="no"):
        finish()
    assert finish() == 1
    run.refresh_from_db()
    next_run.refresh_from_db()
    assert (run.outcome, run.error, run.counts["requeued"]) == ("failed", "ValueError: no", 0)
    assert next_run.outcome == "done"
    letter.refresh_from_db()
    assert letter.state == "discarded"


def test_while_the_database_is_away_it_waits(monkeypatch: pytest.MonkeyPatch):
    letters(1)
    run = begin()

    def away(*_: object) -> bool:
        raise OperationalError("gone")

    with monkeypatch.context() as patched:
        patched.setitem(bulk_jobs.RESOLVE, "requeue", away)
        with pytest.raises(OperationalError):
            bulk_jobs.step()
    run.refresh_from_db()
    assert run.outcome == "running"
    finish()
    run.refresh_from_db()
    assert run.outcome == "done"


def test_housekeeping_does_it():
    letters(bulk_jobs.CHUNK + 1)
    begin()
    Housekeeper().run(once=True)
    assert not DeadLetter.objects.filter(state="open").exists()


def housekeeping(crash_at: str) -> int:
    environment = {
        **os.environ, "DATABASE_URL": database_url(), "HSI_DATA_DIR": str(configured.DATA_DIR), "REDIS_URL": "",
        failpoints.VARIABLE: crash_at,
    }  # fmt: skip
    command = [sys.executable, str(MANAGE), "run_housekeeping", "--once"]
    return subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False).returncode


@pytest.mark.slow
def test_killed_in_the_middle_of_a_part_another_process_goes_on(data_dir: Path):
    letters(bulk_jobs.CHUNK * 2)
    run = begin()
    assert housekeeping(f"bulk_job.dead_letter:{bulk_jobs.CHUNK + 4}") == -signal.SIGKILL
    run.refresh_from_db()
    assert (run.outcome, run.counts["requeued"]) == ("running", bulk_jobs.CHUNK)
    assert DeadLetter.objects.filter(state="open").count() == bulk_jobs.CHUNK
    assert housekeeping("") == 0
    run.refresh_from_db()
    assert (run.outcome, run.counts["requeued"]) == ("done", bulk_jobs.CHUNK * 2)
    assert QueueJob.objects.count() == bulk_jobs.CHUNK * 2
    assert AuditEntry.objects.filter(action="dead_letter_requeued").count() == bulk_jobs.CHUNK * 2
