"""A Redis that is emptied, away, slow, full or read-only: errors with a name, rows that wait, nothing lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from redis.crc import key_slot

from cameras.models import Upload
from hsi.models import DeadLetter, WorkerHeartbeat
from hsi.queues import DETECTION_QUEUE, Failure, Job, LeaseLostError, PutResult, Queue, QueueUnavailableError, get_queue
from hsi.queues.redis import RedisQueue
from hsi.workers.queue_worker import QueueWorker
from monitoring.reconcile import reconcile
from tests import factories
from tests.engines.private_valkey import PrivateValkey, private_valkey
from tests.factories import job_handler

pytestmark = pytest.mark.django_db(transaction=True)

FAILURE = Failure("2026-01-01T00:00:00+00:00", "TimeoutError", "too slow")


@pytest.fixture
def server(settings) -> Iterator[PrivateValkey]:
    with private_valkey() as server:
        settings.QUEUE, settings.REDIS_URL = "redis", server.url
        yield server


@pytest.fixture
def queue(server) -> RedisQueue:
    queue = get_queue(DETECTION_QUEUE)
    assert isinstance(queue, RedisQueue)
    return queue


def take(queue: Queue, limit: int = 10, wait: float = 0) -> list[Job]:
    return queue.take(limit, wait_seconds=wait, lease_seconds=20)


def until(true: Callable[[], bool], seconds: float = 20) -> bool:
    deadline, pause = monotonic() + seconds, threading.Event()
    while not true():
        if monotonic() > deadline:
            return False
        pause.wait(0.02)
    return True


def test_after_a_flush_what_was_in_hand_is_not_ours_and_the_queue_works_again(server, queue):
    queue.put_many([1, 2, 3])
    job = take(queue, limit=1)[0]
    server.say("FLUSHALL")
    with pytest.raises(LeaseLostError):
        queue.ack(job)
    assert queue.live([1, 2, 3]) == set()
    assert queue.depth().total == 0
    assert queue.extend([job], 20) == 0
    assert queue.put(1) is PutResult.SUCCESS
    assert [job.row_id for job in take(queue)] == [1]


def test_a_flush_while_a_taker_waits_does_not_end_its_waiting(server, queue):
    taken: list[Job] = []
    queue.put(1)
    queue.ack(take(queue)[0])
    taker = threading.Thread(target=lambda: taken.extend(take(queue, wait=20)))
    taker.start()
    assert until(lambda: server.say("INFO", "clients")["blocked_clients"] == 1)
    server.say("FLUSHALL")
    queue.put(2)
    taker.join(30)
    assert [job.row_id for job in taken] == [2]


def test_rows_of_an_emptied_redis_are_queued_again(server, queue):
    rows = [factories.upload(state=Upload.State.WAITING).pk for _ in range(3)]
    assert reconcile()[DETECTION_QUEUE] == 3
    server.say("FLUSHALL")
    assert reconcile()[DETECTION_QUEUE] == 3
    assert [job.row_id for job in take(queue)] == rows


@pytest.mark.parametrize("part", ["stream", "rows", "delayed"])
def test_a_part_of_the_queue_that_was_deleted_keeps_no_row_from_being_queued_again(server, queue, part):
    queue.put_many([1, 2])
    queue.retry(take(queue, limit=1)[0], 60, FAILURE)
    server.say("DEL", f"hsi:{{detection_queue}}:{part}")
    missing = {1, 2} - queue.live([1, 2])
    assert missing
    assert queue.put_many(sorted(missing)) == len(missing)
    assert queue.live([1, 2]) == {1, 2}
    assert missing <= {job.row_id for job in take(queue)}


def test_messages_without_a_row_are_cleared_away(server, queue, settings):
    settings.JOB_LEASE_SECONDS = 0.05
    queue.put_many([1, 2])
    server.say("DEL", "hsi:{detection_queue}:rows")
    jobs = take(queue)
    assert len(jobs) == 2
    assert until(lambda: take(queue) == [] and queue.depth().total == 0)
    assert queue.live([1, 2]) == set()


def test_jobs_outlive_a_consumer_group_that_was_destroyed(server, queue):
    queue.put_many([1, 2])
    held = take(queue, limit=1)[0]
    server.say("XGROUP", "DESTROY", "hsi:{detection_queue}:stream", "hsi")
    again = take(queue)
    assert [job.row_id for job in again] == [1, 2]
    queue.ack(held)
    with pytest.raises(LeaseLostError):
        queue.ack(again[0])


def test_scripts_that_redis_forgot_and_connections_that_it_closed_are_not_noticed(server, queue):
    queue.put(1)
    server.say("SCRIPT", "FLUSH")
    server.say("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert queue.put(2) is PutResult.SUCCESS
    assert [job.row_id for job in take(queue)] == [1, 2]


def test_a_redis_that_is_away_is_an_error_with_a_name(server, queue):
    queue.put(1)
    job = take(queue)[0]
    server.stop()
    calls: list[Callable[[], object]] = [
        lambda: queue.put(2),
        lambda: queue.put_many([2]),
        lambda: take(queue, wait=1),
        lambda: queue.ack(job),
        lambda: queue.retry(job, 0, FAILURE),
        lambda: queue.mark_dead(job, "attempts", ValueError("no")),
        lambda: queue.extend([job], 20),
        lambda: queue.live([1]),
        lambda: queue.peek(1),
        queue.depth,
        queue.clear,
    ]
    for call in calls:
        with pytest.raises(QueueUnavailableError):
            call()
    assert DeadLetter.objects.count() == 0


def test_what_a_transaction_puts_while_redis_is_away_never_fails_it(server, queue):
    server.stop()
    with transaction.atomic():
        Group.objects.create(name="stored")
        assert queue.put(1) is PutResult.REJECTED
    assert Group.objects.exists()
    began = monotonic()
    for row_id in range(200):  # others do not wait for it again
        with transaction.atomic():
            queue.put(row_id)
    assert monotonic() - began < 2
    server.start()
    assert queue.put_many([1]) == 1
    assert [job.row_id for job in take(queue)] == [1]


def test_a_redis_that_goes_before_the_commit_fails_nothing(server, queue):
    queue.put(1)
    job = take(queue)[0]
    with transaction.atomic():
        Group.objects.create(name="stored")
        queue.ack(job)
        assert queue.put(2) is PutResult.SUCCESS
        server.stop()
    assert Group.objects.exists()
    server.start()
    assert queue.live([1, 2]) == set()


def test_a_result_is_not_stored_where_the_lease_cannot_be_checked(server, queue):
    queue.put(1)
    job = take(queue)[0]
    server.stop()

    def store() -> None:
        with transaction.atomic():
            Group.objects.create(name="unproven")
            queue.ack(job)

    with pytest.raises(QueueUnavailableError):
        store()
    assert not Group.objects.exists()


def test_an_answer_that_does_not_come_is_not_waited_for_twice(server, monkeypatch):
    monkeypatch.setattr("hsi.db.redis.ANSWER_SECONDS", 0.3)
    queue = get_queue(DETECTION_QUEUE)
    queue.put(1)
    server.say("CLIENT", "PAUSE", 60_000)
    began = monotonic()
    with pytest.raises(QueueUnavailableError):
        take(queue)
    assert monotonic() - began < 2


def test_without_memory_nothing_is_put_and_what_waits_is_worked_off(server, queue):
    queue.put_many([1, 2])
    queue.retry(take(queue, limit=1)[0], 0.05, FAILURE)
    server.say("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(QueueUnavailableError):
        queue.put(3)
    job = take(queue, limit=1)[0]
    assert job.row_id == 2
    with pytest.raises(QueueUnavailableError):
        queue.retry(job, 0, FAILURE)
    assert queue.extend([job], 20) == 1
    queue.ack(job)
    server.say("CONFIG", "SET", "maxmemory", 0)
    assert [job.row_id for job in take(queue, wait=5)] == [1]


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
        (("CONFIG", "SET", "min-replicas-to-write", "1"), ("CONFIG", "SET", "min-replicas-to-write", "0")),
    ],
)
def test_a_redis_that_may_not_be_written_is_away_until_it_may(server, queue, worse, better):
    queue.put(1)
    server.say(*worse)
    with pytest.raises(QueueUnavailableError):
        queue.put(2)
    with pytest.raises(QueueUnavailableError):
        take(queue)
    server.say(*better)
    assert queue.put(2) is PutResult.SUCCESS
    assert [job.row_id for job in take(queue)] == [1, 2]


def test_each_row_is_done_though_redis_is_emptied_again_and_again(server, queue):
    rows, done, lock = set(range(300)), [], threading.Lock()
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            # Emptied twice within one `take`, it says so, and a worker asks again.
            with suppress(QueueUnavailableError):
                for job in take(queue, limit=5, wait=0.1):
                    try:
                        queue.ack(job)
                    except LeaseLostError:
                        continue
                    with lock:
                        done.append(job.row_id)
        connection.close()

    def flush_and_put_again() -> bool:
        server.say("FLUSHALL")
        with lock:
            missing = rows - set(done)
        queue.put_many(sorted(missing - queue.live(sorted(missing))))
        return not missing

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    try:
        assert until(flush_and_put_again, seconds=60)
    finally:
        ended.set()
        for worker in workers:
            worker.join(30)
    assert set(done) == rows


def test_nothing_is_left_of_jobs_that_ended(server, queue):
    for _ in range(3):
        queue.put_many(list(range(100)))
        done, again, dead = (take(queue, limit=n) for n in (60, 38, 2))
        queue.ack_many(done)
        for job in again:
            queue.retry(job, 0, FAILURE)
        for job in dead:
            queue.mark_dead(job, "attempts", ValueError("no"))
        queue.ack_many(take(queue, limit=100))
    assert server.say("KEYS", "hsi:*") == [b"hsi:{detection_queue}:stream"]
    assert server.say("XLEN", "hsi:{detection_queue}:stream") == 0
    assert len(server.say("XINFO", "CONSUMERS", "hsi:{detection_queue}:stream", "hsi")) == 1


def test_the_keys_of_a_queue_are_in_one_slot_of_a_cluster_and_begin_as_configured(server, settings):
    settings.REDIS_KEY_PREFIX = "elsewhere"
    queue = get_queue(DETECTION_QUEUE)
    queue.put_many([1, 2])
    queue.retry(take(queue, limit=1)[0], 60, FAILURE)
    keys = server.say("KEYS", "*")
    assert len(keys) == 3
    assert all(key.startswith(b"elsewhere:") for key in keys)
    assert len({key_slot(key) for key in keys}) == 1


def test_a_worker_waits_for_a_redis_that_is_away_and_goes_on(server, queue):
    steps: list[float] = []

    class Counted(QueueWorker):
        def step(self) -> float:
            steps.append(monotonic())
            return super().step()

    def work(job: Job) -> None:
        with transaction.atomic():
            get_queue(DETECTION_QUEUE).ack(job)

    worker = Counted("test", DETECTION_QUEUE, job_handler(work))
    thread = threading.Thread(target=worker.run_forever)
    thread.start()
    try:
        queue.put(1)
        assert until(lambda: worker.done == 1)
        server.stop()
        assert until(lambda: bool(worker.without_queue))
        began = len(steps)
        assert not until(lambda: len(steps) > began + 10, seconds=2)
        server.start()
        queue.put(2)
        assert until(lambda: worker.done == 2)
        assert not worker.without_queue
    finally:
        worker.stop()
        thread.join(30)
    connection.close()
    assert not thread.is_alive()


def test_the_heartbeat_of_a_loop_without_its_queue_says_so_and_leases_are_no_reason_to_stop_beating(
    server, queue, monkeypatch
):
    monkeypatch.setattr("hsi.workers.heartbeat.BEAT_SECONDS", 0.05)
    worker = QueueWorker("test", DETECTION_QUEUE, job_handler())
    server.stop()
    thread = threading.Thread(target=worker.run_forever)
    thread.start()
    try:
        assert until(lambda: WorkerHeartbeat.objects.filter(state="failing", detail__startswith="Redis: ").exists())
        server.start()
        assert until(lambda: WorkerHeartbeat.objects.filter(state="running", detail="").exists())
    finally:
        worker.stop()
        thread.join(30)
    assert not thread.is_alive()
