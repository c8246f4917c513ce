from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from hsi.errors import AIServiceError, AIServiceUnavailableError, MediaError
from hsi.models import DeadLetter, QueueJob, WorkerHeartbeat
from hsi.queues import DETECTION_QUEUE, Job, get_queue
from hsi.workers.loop import Loop
from hsi.workers.queue_worker import QueueWorker, retry_delay_seconds
from tests.factories import job_handler

pytestmark = pytest.mark.django_db(transaction=True)


def acknowledge(job: Job) -> None:
    with transaction.atomic():
        get_queue(DETECTION_QUEUE).ack(job)


def raising(error: Exception) -> Callable[[Job], None]:
    def work(job: Job) -> None:
        raise error

    return work


def worker(work: Callable[[Job], None], dead: list[tuple[int, str]] | None = None, **options) -> QueueWorker:
    return QueueWorker(
        "test",
        DETECTION_QUEUE,
        job_handler(work, lambda row_id, reason: (dead if dead is not None else []).append((row_id, reason))),
        **options,
    )


def make_due() -> None:
    QueueJob.objects.update(due_at=0)


def test_a_drained_worker_has_done_every_job():
    queue = get_queue(DETECTION_QUEUE)
    queue.put_many(list(range(1, 30)))
    loop = worker(acknowledge, concurrency=3)
    loop.run(drain=True)
    assert loop.done == 29
    assert queue.depth().total == 0


def test_a_thread_goes_on_with_what_waits_without_the_loop():
    queue = get_queue(DETECTION_QUEUE)
    queue.put_many([1, 2, 3])
    loop = worker(acknowledge)
    loop.open()
    loop.step()
    loop.step()  # waits for the thread, which ends when nothing waits
    assert loop.done == 3
    assert queue.depth().total == 0
    loop.close()


def test_one_pass_takes_no_more_than_there_are_threads():
    queue = get_queue(DETECTION_QUEUE)
    queue.put_many([1, 2, 3])
    loop = worker(acknowledge, concurrency=2)
    loop.run(once=True)
    assert loop.done == 2
    assert queue.depth().waiting == 1


def test_a_thread_takes_nothing_more_once_the_worker_is_stopped():
    queue = get_queue(DETECTION_QUEUE)
    queue.put_many([1, 2, 3])
    stopped: list[Job] = []

    def work(job: Job) -> None:
        acknowledge(job)
        stopped.append(job)
        loop.stop()

    loop = worker(work)
    loop.run()
    assert [job.row_id for job in stopped] == [1]
    assert queue.depth().waiting == 2


def test_a_thread_takes_nothing_more_while_what_its_jobs_need_is_away():
    queue = get_queue(DETECTION_QUEUE)
    queue.put_many([1, 2, 3])
    away: list[Job] = []

    def work(job: Job) -> None:
        acknowledge(job)
        away.append(job)

    loop = worker(work, ready=lambda: 60.0 if away else 0.0)
    loop.open()
    loop.step()
    loop.step()  # waits for the thread, which ends with its first job
    loop.close()
    assert [job.row_id for job in away] == [1]
    assert queue.depth().waiting == 2


def test_the_lease_of_every_job_of_a_thread_is_kept_not_only_of_its_first():
    queue = get_queue(DETECTION_QUEUE)
    queue.put_many([1, 2])
    second, go_on = threading.Event(), threading.Event()

    def work(job: Job) -> None:
        if job.row_id == 2:
            second.set()
            assert go_on.wait(10)
        acknowledge(job)

    loop = worker(work)
    loop.open()
    loop.step()
    assert second.wait(10)
    make_due()
    loop.keep_alive()
    assert queue.take(1, wait_seconds=0, lease_seconds=20) == []
    go_on.set()
    loop.close()
    assert loop.done == 2


def test_a_failure_that_may_pass_is_tried_again_later():
    queue = get_queue(DETECTION_QUEUE)
    queue.put(1)
    worker(raising(AIServiceError("slow"))).run(once=True)
    job = QueueJob.objects.get()
    assert (job.attempts, job.lease, job.failures[0]["text"]) == (1, "", "slow")
    assert queue.depth().delayed == 1


def test_attempts_run_out_and_the_job_becomes_a_dead_letter_with_each_failure(settings):
    settings.JOB_MAX_ATTEMPTS = 3
    get_queue(DETECTION_QUEUE).put(7)
    dead: list[tuple[int, str]] = []
    for _ in range(3):
        make_due()
        worker(raising(AIServiceError("slow")), dead).run(once=True)
    letter = DeadLetter.objects.get()
    assert (letter.row_id, letter.reason, letter.attempts, len(letter.failures)) == (7, "attempts", 3, 3)
    assert dead == [(7, "AIServiceError: slow")]
    assert "AIServiceError" in letter.stack
    assert not QueueJob.objects.exists()


def test_a_failure_that_cannot_pass_is_given_up_at_once():
    get_queue(DETECTION_QUEUE).put(1)
    dead: list[tuple[int, str]] = []
    worker(raising(MediaError("no picture")), dead).run(once=True)
    assert DeadLetter.objects.get().reason == "refused"
    assert dead == [(1, "MediaError: no picture")]


def test_a_service_that_is_away_uses_up_no_attempts(settings):
    settings.JOB_MAX_ATTEMPTS = 2
    get_queue(DETECTION_QUEUE).put(1)
    for _ in range(6):
        make_due()
        worker(raising(AIServiceUnavailableError("refused"))).run(once=True)
    assert not DeadLetter.objects.exists()
    assert QueueJob.objects.get().attempts == 0


def test_an_unexpected_error_ends_the_job_and_not_the_loop(settings):
    settings.JOB_MAX_ATTEMPTS = 1
    get_queue(DETECTION_QUEUE).put_many([1, 2])

    def work(job: Job) -> None:
        if job.row_id == 1:
            raise KeyError("bug")
        acknowledge(job)

    loop = worker(work)
    loop.run(drain=True)
    assert loop.done == 1
    assert DeadLetter.objects.get().error_type == "KeyError"


def test_a_database_failure_brings_the_job_back():
    get_queue(DETECTION_QUEUE).put(1)
    worker(raising(OperationalError("disk full"))).run(once=True)
    assert QueueJob.objects.get().lease == ""


def test_a_row_that_cannot_be_marked_leaves_the_job_in_its_queue(settings):
    settings.JOB_MAX_ATTEMPTS = 1
    get_queue(DETECTION_QUEUE).put(1)

    def cannot_mark(row_id: int, reason: str) -> None:
        raise OperationalError("disk full")

    loop = QueueWorker("test", DETECTION_QUEUE, job_handler(raising(MediaError("bad")), cannot_mark))
    with pytest.raises(OperationalError):
        loop.run(once=True)
    assert QueueJob.objects.count() == 1
    assert not DeadLetter.objects.exists()


def test_stop_finishes_what_is_in_hand():
    get_queue(DETECTION_QUEUE).put(1)
    begun, go_on = threading.Event(), threading.Event()

    def work(job: Job) -> None:
        begun.set()
        go_on.wait(10)
        acknowledge(job)

    loop = worker(work)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    assert begun.wait(10)
    loop.stop()
    go_on.set()
    thread.join(10)
    assert not thread.is_alive()
    assert loop.done == 1
    assert not QueueJob.objects.exists()


def test_what_takes_longer_than_the_grace_time_goes_to_another_worker_at_once_and_is_stored_once(settings):
    settings.SHUTDOWN_GRACE_SECONDS = 0
    queue = get_queue(DETECTION_QUEUE)
    queue.put(1)
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()
    stored: list[str] = []

    def slow(job: Job) -> None:
        begun.set()
        assert may_end.wait(10)
        try:
            with transaction.atomic():
                get_queue(DETECTION_QUEUE).ack(job)
                stored.append("slow")
        finally:
            ended.set()

    loop = worker(slow)
    thread = threading.Thread(target=loop.run)
    thread.start()
    assert begun.wait(10)
    loop.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert loop.cut_off
    (job,) = queue.take(1, wait_seconds=0, lease_seconds=20)
    assert job.attempts == 1  # the cut off one does not count
    assert [failure["error"] for failure in job.failures] == ["StoppedError"]
    may_end.set()
    assert ended.wait(10)
    assert stored == []
    queue.ack(job)


def test_a_loop_leaves_its_heartbeat_and_says_that_it_stopped():
    loop = worker(acknowledge)
    get_queue(DETECTION_QUEUE).put(1)
    loop.run(drain=True)
    beat = WorkerHeartbeat.objects.get()
    assert (beat.kind, beat.state, beat.jobs_done) == ("test", "stopped", 1)


def test_a_loop_that_fails_is_started_again():
    class Fragile(Loop):
        runs = 0

        def step(self) -> float:
            Fragile.runs += 1
            if Fragile.runs == 1:
                raise RuntimeError("first time")
            self.stop()
            return 0

    thread = threading.Thread(target=Fragile("fragile").run_forever)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert Fragile.runs == 2


def test_a_failing_loop_says_so_in_its_heartbeat():
    class Broken(Loop):
        def step(self) -> float:
            raise RuntimeError("no camera folder")

    with pytest.raises(RuntimeError):
        Broken("broken").run()
    beat = WorkerHeartbeat.objects.get()
    assert (beat.state, beat.detail) == ("failing", "no camera folder")


def test_back_off_grows_has_a_limit_and_obeys_the_service():
    slow = AIServiceError("slow")
    assert 1 <= retry_delay_seconds(1, slow) <= 2
    assert 8 <= retry_delay_seconds(4, slow) <= 16
    assert retry_delay_seconds(50, slow) <= 300
    assert retry_delay_seconds(50, AIServiceUnavailableError("away")) <= 30
    assert retry_delay_seconds(1, AIServiceError("busy", retry_after_seconds=7.0)) == 7


def test_a_job_that_kills_its_worker_is_given_up_and_not_tried_for_ever(settings):
    settings.JOB_MAX_ATTEMPTS = 2
    queue = get_queue(DETECTION_QUEUE)
    queue.put(1)
    for _ in range(2):  # two workers took it and were never heard of again
        make_due()
        assert queue.take(1, wait_seconds=0, lease_seconds=60)
    make_due()
    worked: list[Job] = []
    dead: list[tuple[int, str]] = []
    worker(worked.append, dead).run(once=True)
    assert worked == []
    assert [row_id for row_id, _ in dead] == [1]
    assert DeadLetter.objects.get().error_type == "WorkerLostError"


def test_a_job_that_hangs_loses_its_lease_and_the_heartbeat_says_so(settings):
    settings.JOB_MAX_SECONDS = 0
    settings.JOB_LEASE_SECONDS = 0.05
    queue = get_queue(DETECTION_QUEUE)
    queue.put(7)
    begun, go_on = threading.Event(), threading.Event()

    def hang(job: Job) -> None:
        begun.set()
        go_on.wait(20)
        acknowledge(job)

    loop = worker(hang)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    assert begun.wait(10)
    loop.keep_alive()
    pause = threading.Event()
    for _ in range(1000):
        if loop.trouble():
            break
        pause.wait(0.01)
    assert loop.trouble() == "hangs on row 7"
    loop.stop()
    assert [job.row_id for job in queue.take(1, wait_seconds=5, lease_seconds=60)] == [7]
    go_on.set()
    thread.join(20)
    assert loop.done == 0  # it came too late: the other worker's result counts


def test_a_database_that_is_away_uses_up_no_attempts(settings):
    settings.JOB_MAX_ATTEMPTS = 2
    get_queue(DETECTION_QUEUE).put(1)
    for _ in range(5):
        make_due()
        worker(raising(OperationalError("server closed the connection"))).run(once=True)
    assert not DeadLetter.objects.exists()


def test_a_heartbeat_goes_by_the_database_s_clock_whatever_this_machine_s_says(monkeypatch):
    real = datetime.now(UTC)
    monkeypatch.setattr(timezone, "now", lambda: real + timedelta(hours=1))
    worker(acknowledge).run(drain=True)
    assert abs(WorkerHeartbeat.objects.get().beat_at - real) < timedelta(minutes=1)
