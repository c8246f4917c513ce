from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from hsi import queues
from hsi.models import AuditEntry, QueuePause
from hsi.queues import DETECTION_QUEUE, Job, get_queue, pauses
from hsi.workers.queue_worker import QueueWorker
from tests.factories import job_handler

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["database", "redis"])
def backend(request: pytest.FixtureRequest, settings: Any) -> str:
    if request.param == "redis":
        settings.REDIS_URL = request.getfixturevalue("valkey_url")
    settings.QUEUE = request.param
    assert queues.backends.chosen() == request.param
    return str(request.param)


def worker(done: list[int]) -> QueueWorker:
    def work(job: Job) -> None:
        with transaction.atomic():
            get_queue(DETECTION_QUEUE).ack(job)
        done.append(job.row_id)

    return QueueWorker("test", DETECTION_QUEUE, job_handler(work))


def test_nothing_is_taken_from_a_paused_queue_until_it_goes_on(backend: str):
    done: list[int] = []
    get_queue(DETECTION_QUEUE).put(1)
    assert pauses.pause(DETECTION_QUEUE)
    assert not pauses.pause(DETECTION_QUEUE)
    worker(done).run(drain=True)  # ends, although a job waits
    assert done == []
    assert get_queue(DETECTION_QUEUE).depth().total == 1
    assert pauses.resume(DETECTION_QUEUE)
    assert not pauses.resume(DETECTION_QUEUE)
    worker(done).run(drain=True)
    assert done == [1]
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == ["queue_paused", "queue_resumed"]


def test_a_worker_hears_of_a_pause_that_another_process_made(monkeypatch: pytest.MonkeyPatch):
    assert not pauses.is_paused(DETECTION_QUEUE)
    QueuePause.objects.create(queue=DETECTION_QUEUE, paused_by="ann")
    assert not pauses.is_paused(DETECTION_QUEUE)  # believed for a second
    monkeypatch.setattr(pauses, "LOOK_SECONDS", 0.0)
    assert pauses.is_paused(DETECTION_QUEUE)


def test_a_thread_takes_no_further_job_once_its_queue_is_paused():
    get_queue(DETECTION_QUEUE).put_many([1, 2, 3])
    done: list[int] = []

    def work(job: Job) -> None:
        with transaction.atomic():
            get_queue(DETECTION_QUEUE).ack(job)
        pauses.pause(DETECTION_QUEUE)
        done.append(job.row_id)

    loop = QueueWorker("test", DETECTION_QUEUE, job_handler(work))
    loop.run(drain=True)
    assert done == [1]
    assert get_queue(DETECTION_QUEUE).depth().waiting == 2


def test_to_look_for_a_pause_is_no_statement_most_of_the_time(django_assert_num_queries: Any):
    pauses.is_paused(DETECTION_QUEUE)
    with django_assert_num_queries(0):
        pauses.is_paused(DETECTION_QUEUE)
