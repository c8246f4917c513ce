"""A full queue and what it does with new work, on both backends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from cameras.models import Upload
from detection.models import Batch
from events.models import Event
from hsi import queues
from hsi.models import DeadLetter
from hsi.queues import (
    ANALYSIS_QUEUE,
    DETECTION_QUEUE,
    FAST_PATH_QUEUE,
    QUEUE_NAMES,
    Failure,
    PutResult,
    Queue,
    backends,
    get_queue,
)
from monitoring.reconcile import reconcile
from tests import factories
from tests.factories import job_handler

pytestmark = pytest.mark.django_db(transaction=True)

FAILURE = Failure("2026-01-01T00:00:00+00:00", "TimeoutError", "too slow")


@pytest.fixture(params=["database", "redis"], autouse=True)
def _backend(request: pytest.FixtureRequest, settings) -> Iterator[None]:
    if request.param == "redis":
        settings.REDIS_URL = request.getfixturevalue("valkey_url")
    settings.QUEUE, settings.QUEUE_MAX_SIZE = request.param, 2
    backends.close()
    clear()
    yield
    clear()


def clear() -> None:
    for name in QUEUE_NAMES:
        get_queue(name).clear()


def waiting_uploads(count: int) -> list[int]:
    return [factories.upload(state=Upload.State.WAITING).pk for _ in range(count)]


def full_queue() -> tuple[Queue, list[int]]:
    """A queue that is full with the first two of three waiting uploads."""
    queue, rows = get_queue(DETECTION_QUEUE), waiting_uploads(3)
    assert queue.put_many(rows[:2]) == 2
    return queue, rows


def state(row_id: int) -> str:
    return Upload.objects.get(pk=row_id).state


def test_reject_keeps_the_row_waiting_until_there_is_room(settings):
    queue, rows = full_queue()
    assert queue.put(rows[2]) is PutResult.REJECTED
    assert not DeadLetter.objects.exists()
    assert {state(row) for row in rows} == {"waiting"}
    queue.ack(queue.take(1, wait_seconds=0, lease_seconds=20)[0])
    Upload.objects.filter(pk=rows[0]).update(state=Upload.State.EMPTY, finished_at=timezone.now())
    settings.QUEUE_MAX_SIZE = 3
    assert reconcile()[DETECTION_QUEUE] == 1
    assert queue.live(rows) == {rows[1], rows[2]}


@pytest.mark.parametrize(("policy", "result"), [("dlq", PutResult.SENT_TO_DLQ), ("drop_oldest", PutResult.SUCCESS)])
def test_the_oldest_makes_room_and_becomes_a_dead_letter_with_its_row(settings, policy, result):
    settings.QUEUE_OVERFLOW_POLICY = policy
    queue, rows = full_queue()
    assert queue.put(rows[2]) is result
    assert queue.live(rows) == {rows[1], rows[2]}
    assert queue.depth().total == 2
    letter = DeadLetter.objects.get()
    assert (letter.queue, letter.row_id, letter.reason, letter.attempts) == (DETECTION_QUEUE, rows[0], "overflow", 0)
    assert letter.error_type == "QueueOverflowError"
    assert [state(row) for row in rows] == ["dead", "waiting", "waiting"]


def test_in_a_transaction_the_exchange_follows_its_commit(settings):
    settings.QUEUE_OVERFLOW_POLICY = "dlq"
    queue, rows = full_queue()
    with transaction.atomic():
        assert queue.put(rows[2]) is PutResult.SENT_TO_DLQ
        assert not DeadLetter.objects.exists()
    assert queue.live(rows) == {rows[1], rows[2]}
    assert DeadLetter.objects.get().row_id == rows[0]


def test_a_transaction_that_is_rolled_back_displaces_nothing(settings):
    settings.QUEUE_OVERFLOW_POLICY = "dlq"
    queue, rows = full_queue()
    with transaction.atomic():
        queue.put(rows[2])
        transaction.set_rollback(True)
    assert queue.live(rows) == set(rows[:2])
    assert not DeadLetter.objects.exists()


def test_what_is_in_hand_or_delayed_is_never_displaced(settings):
    settings.QUEUE_OVERFLOW_POLICY = "drop_oldest"
    queue, rows = full_queue()
    jobs = queue.take(2, wait_seconds=0, lease_seconds=20)
    queue.retry(jobs[0], 60, FAILURE)
    assert queue.put(rows[2]) is PutResult.REJECTED
    assert queue.live(rows) == set(rows[:2])
    assert not DeadLetter.objects.exists()


def test_rows_that_are_queued_again_displace_nothing(settings):
    settings.QUEUE_OVERFLOW_POLICY = "dlq"
    waiting_uploads(10)
    assert reconcile()[DETECTION_QUEUE] == 2
    assert reconcile()[DETECTION_QUEUE] == 0
    assert not DeadLetter.objects.exists()


def test_a_batch_that_is_displaced_says_so_with_its_event(settings):
    settings.QUEUE_OVERFLOW_POLICY, settings.QUEUE_MAX_SIZE = "dlq", 1
    camera = factories.camera()
    old, new = (factories.batch(camera, state=Batch.State.CLOSED) for _ in range(2))
    event = factories.event(batch=old, analysis=Event.Analysis.PENDING)
    queue = get_queue(ANALYSIS_QUEUE)
    assert queue.put(old.pk) is PutResult.SUCCESS
    assert queue.put(new.pk) is PutResult.SENT_TO_DLQ
    old.refresh_from_db()
    event.refresh_from_db()
    assert (old.state, event.analysis) == (Batch.State.DEAD, Event.Analysis.FAILED)


def test_a_fast_path_job_that_is_displaced_loses_nothing(settings):
    settings.QUEUE_OVERFLOW_POLICY, settings.QUEUE_MAX_SIZE = "dlq", 1
    batch = factories.batch(state=Batch.State.OPEN, is_fast_path=True)
    queue = get_queue(FAST_PATH_QUEUE)
    queue.put(batch.pk)
    assert queue.put(batch.pk + 1) is PutResult.SENT_TO_DLQ
    batch.refresh_from_db()
    assert batch.state == Batch.State.OPEN


def cannot_mark(row_id: int, reason: str) -> None:
    raise OperationalError("disk full")


def test_a_row_that_cannot_be_marked_breaks_no_commit_and_loses_no_job(settings, monkeypatch):
    settings.QUEUE_OVERFLOW_POLICY = "dlq"
    monkeypatch.setitem(queues._handlers, DETECTION_QUEUE, job_handler(on_dead=cannot_mark))
    queue, rows = full_queue()
    with transaction.atomic():
        queue.put(rows[2])
    assert queue.live(rows) == set(rows[:2])
    assert not DeadLetter.objects.exists()
