from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from django.db import transaction

from hsi.models import StreamMessage
from hsi.queues import DETECTION_QUEUE, Queue, backends, backpressure, database, get_queue

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["database", "redis"])
def queue(request: pytest.FixtureRequest, settings) -> Iterator[Queue]:
    if request.param == "redis":
        settings.REDIS_URL = request.getfixturevalue("valkey_url")
    settings.QUEUE, settings.QUEUE_MAX_SIZE, settings.QUEUE_BACKPRESSURE_THRESHOLD = request.param, 10, 0.8
    backends.close()
    backpressure.forget()
    queue = get_queue(DETECTION_QUEUE)
    queue.clear()
    yield queue
    queue.clear()
    backpressure.forget()


def told() -> list[tuple[str, int]]:
    """(state, jobs) of each message."""
    rows = StreamMessage.objects.filter(type="queue.pressure").order_by("seq")
    return [(row.data["state"], row.data["jobs"]) for row in rows]


def test_pressure_is_told_once_when_it_begins_and_once_when_it_is_over(queue, caplog):
    caplog.set_level(logging.INFO)
    queue.put_many([1, 2, 3, 4, 5, 6, 7])
    assert told() == []
    queue.put(8)
    assert told() == [("high", 8)]
    assert "detection_queue: pressure is high, 8 jobs, 80 % full" in caplog.text
    queue.put(9)
    backpressure.poll()
    assert told() == [("high", 8)]
    queue.ack_many(queue.take(9, wait_seconds=0, lease_seconds=20))
    backpressure.poll()
    backpressure.poll()
    assert told() == [("high", 8), ("normal", 0)]


def test_a_queue_around_its_threshold_is_not_told_about_each_time(queue, settings):
    settings.QUEUE_MAX_SIZE = 100
    for jobs in (80, 75, 80, 73, 90):
        backpressure.record_depth(DETECTION_QUEUE, jobs)
    assert told() == [("high", 80)]
    backpressure.record_depth(DETECTION_QUEUE, 70)
    assert told() == [("high", 80), ("normal", 70)]


def test_another_process_does_not_tell_it_again(queue):
    queue.put_many(list(range(8)))
    backpressure.forget()  # as in a process that has just begun
    backpressure.poll()
    assert told() == [("high", 8)]
    backpressure.forget()
    queue.clear()
    backpressure.poll()
    assert told() == [("high", 8), ("normal", 0)]


def test_a_rolled_back_put_tells_nothing_and_the_next_one_does(queue):
    with transaction.atomic():
        queue.put_many(list(range(9)))
        transaction.set_rollback(True)
    assert told() == []
    backends.close()  # the table's jobs are counted once a second
    get_queue(DETECTION_QUEUE).put_many(list(range(9)))
    backpressure.poll()
    assert told() == [("high", 9)]


def test_the_message_says_what_a_page_needs(queue, settings):
    settings.QUEUE_OVERFLOW_POLICY = "dlq"
    queue.put_many(list(range(9)))
    message = StreamMessage.objects.get()
    assert message.camera == ""
    assert message.data == {
        "queue": "detection_queue", "state": "high", "jobs": 9, "max_size": 10, "pressure": 0.9, "policy": "dlq",
    }  # fmt: skip


def test_what_is_taken_as_fast_as_it_is_put_is_no_pressure(queue, monkeypatch):
    monkeypatch.setattr(database, "FULL_DEPTH_AGE_SECONDS", -1.0)
    for row_id in range(30):
        queue.put(row_id)
        queue.ack_many(queue.take(1, wait_seconds=0, lease_seconds=20))
    assert told() == []
