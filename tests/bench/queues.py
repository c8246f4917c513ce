"""No-op jobs through the database queue, against the same statements on a bare connection.

Put, taken and acknowledged by one thread in turns: the engines write one after the other anyway,
and threads would measure the interpreter's lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median
from threading import Thread

from django.db import connection

from hsi.models import QueueJob
from hsi.queues import Job, Queue, get_queue
from tests.bench.bare_queue import BareQueue, bare_queue
from tests.bench.figure import Figure, compared

BATCH = 64
BATCHES, SINGLES, ROUNDS = 60, 300, 9
TAKES = 40


def figures() -> Iterator[Figure]:
    """Jobs a second 64 at a time and one at a time, and how soon an idle worker has a job."""
    ours, engine = get_queue("bench"), connection.vendor
    with bare_queue() as bare:
        yield compared(
            f"queue on {engine}, 64 at a time", "jobs/s",
            timed(lambda: through(ours, BATCHES, BATCH), BATCHES * BATCH),
            timed(lambda: through_bare(bare, BATCHES, BATCH), BATCHES * BATCH),
            rounds=ROUNDS, at_least=0.4,
        )  # fmt: skip
        yield compared(
            f"queue on {engine}, one at a time", "jobs/s",
            timed(lambda: through(ours, SINGLES, 1), SINGLES),
            timed(lambda: through_bare(bare, SINGLES, 1), SINGLES),
            rounds=ROUNDS, at_least=0.6,
        )  # fmt: skip
        same, other = (
            latencies(ours, lambda row_id: ours.put(row_id)),
            latencies(ours, lambda row_id: bare.put([row_id])),
        )
    yield Figure(f"queue on {engine}, put to taken, same process", median(same), "ms", at_most=50)
    yield Figure(f"queue on {engine}, put to taken, other process", median(other), "ms", at_most=50)


def timed(work: Callable[[], None], jobs: int) -> Callable[[], float]:
    """Jobs a second of one round."""

    def measure() -> float:
        began = time.perf_counter()
        work()
        return jobs / (time.perf_counter() - began)

    return measure


def through(queue: Queue, batches: int, size: int) -> None:
    for first in range(0, batches * size, size):
        put = queue.put_many(list(range(first, first + size)))
        jobs = queue.take(size, wait_seconds=0, lease_seconds=60)
        queue.ack(jobs[0]) if size == 1 else queue.ack_many(jobs)
        assert put == len(jobs) == size


def through_bare(bare: BareQueue, batches: int, size: int) -> None:
    for first in range(0, batches * size, size):
        bare.put(list(range(first, first + size)))
        taken = bare.take(size)
        bare.ack(taken)
        assert len(taken) == size


def latencies(queue: Queue, put: Callable[[int], object]) -> list[float]:
    """Milliseconds from a put to the job in the hands of a worker that was waiting for it."""
    measured = []
    for row_id in range(TAKES):
        taken: list[tuple[float, list[Job]]] = []
        taker = Thread(target=_take, args=(queue, taken))
        taker.start()
        time.sleep(0.05 + row_id % 7 / 200)  # the taker waits, at any point of its rhythm
        began = time.perf_counter()
        put(row_id)
        taker.join()
        ((at, (job,)),) = taken
        measured.append((at - began) * 1000)
        queue.ack(job)
    assert not QueueJob.objects.exists()
    return measured


def _take(queue: Queue, taken: list[tuple[float, list[Job]]]) -> None:
    jobs = queue.take(1, wait_seconds=5, lease_seconds=60)
    taken.append((time.perf_counter(), jobs))
    connection.close()
