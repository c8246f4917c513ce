"""What every queue backend promises. A backend is added to `BACKENDS`, not given tests of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from hsi.errors import AIServiceRejectedError
from hsi.models import DeadLetter
from hsi.queues import (
    ANALYSIS_QUEUE,
    DETECTION_QUEUE,
    Failure,
    Job,
    LeaseLostError,
    PutResult,
    Queue,
    backends,
    get_queue,
)

BACKENDS = ["database", "redis"]
FAILURE = Failure("2026-01-01T00:00:00+00:00", "TimeoutError", "too slow")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=BACKENDS)
def queue(request: pytest.FixtureRequest, settings) -> Iterator[Queue]:
    settings.QUEUE = request.param
    if request.param == "redis":
        settings.REDIS_URL = request.getfixturevalue("valkey_url")
    backends.close()
    queue = get_queue(DETECTION_QUEUE)
    queue.clear()
    yield queue
    queue.clear()


def take(queue: Queue, limit: int = 10, wait: float = 0, lease: float = 30):
    return queue.take(limit, wait_seconds=wait, lease_seconds=lease)


def tick() -> None:
    """Return in another millisecond, which is as exact as the clock of SQLite and Redis is."""
    began = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 <= began:
        pass


def roll_back(call: Callable[[], object]) -> None:
    with transaction.atomic():
        call()
        transaction.set_rollback(True)


def test_jobs_come_out_in_the_order_they_went_in(queue):
    assert [queue.put(row_id) for row_id in (3, 1, 2)] == [PutResult.SUCCESS] * 3
    assert [job.row_id for job in take(queue)] == [3, 1, 2]


def test_a_job_in_hand_is_not_given_to_another(queue):
    queue.put_many([1, 2])
    assert [job.row_id for job in take(queue, limit=1)] == [1]
    assert [job.row_id for job in take(queue)] == [2]
    assert take(queue) == []


def test_an_acknowledged_job_is_gone(queue):
    queue.put(1)
    queue.ack(take(queue)[0])
    assert queue.depth().total == 0
    assert queue.live([1]) == set()


def test_jobs_are_acknowledged_together_or_not_at_all(queue):
    queue.put_many([1, 2, 3])
    jobs = [*take(queue, limit=2), *take(queue)]
    queue.ack(jobs[1])
    with pytest.raises(LeaseLostError):
        queue.ack_many(jobs)
    assert queue.live([1, 2, 3]) == {1, 3}
    queue.ack_many([jobs[0], jobs[2]])
    queue.ack_many([])
    assert queue.depth().total == 0


def test_a_row_has_one_live_job(queue):
    assert queue.put(1) is PutResult.SUCCESS
    assert queue.put(1) is PutResult.SUCCESS
    assert queue.depth().total == 1
    job = take(queue)[0]
    queue.put(1)  # also while it is in hand
    assert take(queue) == []
    queue.ack(job)
    queue.put(1)
    assert [job.row_id for job in take(queue)] == [1]


def test_a_job_whose_worker_died_comes_back_when_its_lease_ends(queue):
    queue.put(1)
    first = take(queue, lease=0.05)[0]
    second = take(queue, wait=5)[0]
    assert (second.row_id, first.attempts, second.attempts) == (1, 1, 2)


def test_a_worker_that_lost_its_lease_cannot_acknowledge(queue):
    queue.put(1)
    lost = take(queue, lease=0.05)[0]
    held = take(queue, wait=5)[0]
    for attempt in (
        lambda: queue.ack(lost),
        lambda: queue.retry(lost, 0, FAILURE),
        lambda: queue.mark_dead(lost, "attempts", ValueError("late")),
    ):
        with pytest.raises(LeaseLostError):
            attempt()
    queue.ack(held)
    assert DeadLetter.objects.count() == 0


def test_a_lease_can_be_extended_while_it_is_ours(queue):
    queue.put_many([1, 2])
    jobs = take(queue, lease=0.2)
    assert queue.extend(jobs, 30) == 2
    assert take(queue, wait=0.4) == []
    assert queue.extend([], 30) == 0
    queue.ack(jobs[0])
    assert queue.extend(jobs, 30) == 1


def test_a_retried_job_waits_for_its_delay_and_remembers_its_failure(queue):
    queue.put(1)
    queue.retry(take(queue)[0], 0.2, FAILURE)
    assert take(queue) == []
    job = take(queue, wait=5)[0]
    assert job.attempts == 2
    assert [failure["text"] for failure in job.failures] == ["too slow"]


def test_an_attempt_that_does_not_count_is_not_counted(queue):
    queue.put(1)
    for _ in range(3):
        queue.retry(take(queue)[0], 0, FAILURE, counts=False)
    assert take(queue)[0].attempts == 1


def test_only_the_last_failures_are_kept(queue):
    queue.put(1)
    for number in range(25):
        queue.retry(take(queue)[0], 0, Failure("2026-01-01T00:00:00+00:00", "E", str(number)))
    failures = take(queue)[0].failures
    assert [failure["text"] for failure in failures] == [str(number) for number in range(5, 25)]


def test_a_dead_job_is_a_dead_letter_with_the_whole_story(queue):
    queue.put(7, trace="t-1")
    queue.retry(take(queue)[0], 0, FAILURE)
    error = AIServiceRejectedError("rtdetr answered 400", service="rtdetr", http_status=400, body="bad picture")
    number = queue.mark_dead(take(queue)[0], "refused", error, stack="Traceback")
    letter = DeadLetter.objects.get(pk=number)
    assert (letter.queue, letter.row_id, letter.reason, letter.attempts) == ("detection_queue", 7, "refused", 2)
    assert (letter.error_type, letter.http_status, letter.response_body) == (
        "AIServiceRejectedError",
        400,
        "bad picture",
    )
    assert [failure["error"] for failure in letter.failures] == ["TimeoutError", "AIServiceRejectedError"]
    assert letter.payload["trace"] == "t-1"
    assert letter.stack == "Traceback"
    assert queue.depth().total == 0


def test_a_full_queue_rejects_and_loses_nothing(queue, settings):
    settings.QUEUE_MAX_SIZE = 3
    queue = get_queue(DETECTION_QUEUE)
    assert queue.put_many([1, 2]) == 2
    assert queue.put_many([3, 4, 5]) == 1
    assert queue.put(6) is PutResult.REJECTED
    assert queue.live([1, 2, 3, 4, 5, 6]) == {1, 2, 3}


def test_depth_tells_waiting_leased_and_delayed_apart(queue):
    queue.put_many([1, 2, 3])
    queue.retry(take(queue, limit=1)[0], 60, FAILURE)
    take(queue, limit=1)
    depth = queue.depth()
    assert (depth.waiting, depth.leased, depth.delayed, depth.total) == (1, 1, 1, 3)
    assert depth.oldest_seconds is not None
    assert 0 <= depth.oldest_seconds < 60


def test_peek_takes_nothing_and_clear_removes_everything(queue):
    queue.put_many([1, 2, 3])
    assert [job.row_id for job in queue.peek(2)] == [1, 2]
    assert queue.depth().waiting == 3
    assert queue.clear() == 3
    assert take(queue) == []


def test_queues_do_not_mix(queue):
    other = get_queue(ANALYSIS_QUEUE)
    other.clear()
    queue.put(1)
    other.put(1)
    queue.ack(take(queue)[0])
    assert [job.row_id for job in take(other)] == [1]


def test_a_waiting_taker_wakes_when_a_job_comes(queue):
    taken: list[float] = []

    def wait_for_it() -> None:
        if take(queue, wait=10):
            taken.append(time.monotonic())
        connection.close()

    thread = threading.Thread(target=wait_for_it)
    thread.start()
    enqueued_at = time.monotonic()
    queue.put(1)
    thread.join(10)
    assert taken
    assert taken[0] - enqueued_at < 5


def test_what_a_rolled_back_transaction_put_is_not_there(queue):
    roll_back(lambda: queue.put(1))
    assert take(queue) == []


def test_what_a_rolled_back_transaction_acknowledged_comes_back(queue):
    queue.put(1)
    job = take(queue, lease=0.05)[0]
    roll_back(lambda: queue.ack(job))
    assert [job.row_id for job in take(queue, wait=5)] == [1]


def test_what_a_transaction_did_is_there_after_its_commit(queue):
    queue.put_many([1, 2, 3])
    done, again, dead = take(queue)
    with transaction.atomic():
        queue.ack_many([done])
        queue.retry(again, 0, FAILURE)
        queue.mark_dead(dead, "attempts", ValueError("no"))
        queue.put(4)
    assert queue.live([1, 2, 3, 4]) == {2, 4}
    assert [(job.row_id, job.attempts) for job in take(queue)] == [(2, 2), (4, 1)]
    assert DeadLetter.objects.get().row_id == 3


def test_a_lost_lease_is_told_inside_the_transaction(queue):
    queue.put(1)
    lost = take(queue, lease=0.05)[0]
    held = take(queue, wait=5)[0]
    for attempt in (
        lambda: queue.ack_many([lost]),
        lambda: queue.retry(lost, 0, FAILURE),
        lambda: queue.mark_dead(lost, "attempts", ValueError("late")),
    ):
        with transaction.atomic(), pytest.raises(LeaseLostError):
            attempt()
    assert queue.live([1]) == {1}
    queue.ack(held)


def test_a_full_queue_rejects_inside_a_transaction_too(queue, settings):
    settings.QUEUE_MAX_SIZE = 2
    queue = get_queue(DETECTION_QUEUE)
    assert queue.put_many([1, 2]) == 2
    with transaction.atomic():
        assert queue.put(3) is PutResult.REJECTED
        assert queue.put_many([3, 4]) == 0
    assert queue.live([1, 2, 3, 4]) == {1, 2}


def test_many_takers_share_the_jobs_and_none_is_given_twice(queue):
    queue.put_many(list(range(1, 201)))
    taken: list[int] = []

    def work() -> None:
        while jobs := take(queue, limit=7):
            for job in jobs:
                queue.ack(job)
                taken.append(job.row_id)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(taken) == list(range(1, 201))


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("put"), st.integers(1, 5)),
            st.tuples(st.sampled_from(["take", "ack", "retry", "mark_dead"]), st.just(0)),
        ),
        max_size=40,
    )
)
@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_history_agrees_with_a_model(queue, history):
    """The model: an ordered set of waiting rows, and those in hand."""
    queue.clear()
    waiting: list[int] = []
    in_hand: list[Job] = []
    for action, row_id in history:
        tick()  # what is put and what is retried within one tick of the clock have no order between them
        if action == "put":
            queue.put(row_id)
            if row_id not in waiting and row_id not in [job.row_id for job in in_hand]:
                waiting.append(row_id)
        elif action == "take":
            jobs = take(queue, limit=1)
            assert [job.row_id for job in jobs] == waiting[:1]
            del waiting[:1]
            in_hand += jobs
        elif in_hand:
            job = in_hand.pop(0)
            if action == "ack":
                queue.ack(job)
            elif action == "mark_dead":
                queue.mark_dead(job, "attempts", ValueError("no"))
            else:
                queue.retry(job, 0, FAILURE)
                waiting.append(job.row_id)
        assert queue.live([1, 2, 3, 4, 5]) == set(waiting) | {job.row_id for job in in_hand}
