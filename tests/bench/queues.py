"""No-op jobs through the database queue, against the same statements on a bare connection; Celery beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median

from django.db import connection

from hsi.models import QueueJob
from hsi.queues import Job, Queue, QueueName, get_queue
from tests.bench.bare_queue import bare_queue
from tests.bench.celery_side import beside_celery
from tests.bench.figure import Figure, compared
from tests.bench.through import milliseconds_to_taken, through, through_bare, timed

BATCH = 64
BATCHES, SINGLES, ROUNDS = 60, 300, 9
TAKES = 40


def figures() -> Iterator[Figure]:
    """Jobs a second 64 at a time and one at a time, and how soon an idle worker has a job."""
    ours, engine = get_queue(QueueName("bench")), connection.vendor
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
    yield beside_celery(f"queue on {engine}, 64 at a time, beside Celery", ours)


def latencies(queue: Queue, put: Callable[[int], object]) -> list[float]:
    """Milliseconds from a put to the job in the hands of a worker that was waiting for it."""
    return [latency(queue, put, row_id) for row_id in range(TAKES)]


def latency(queue: Queue, put: Callable[[int], object], row_id: int) -> float:
    taken: list[Job] = []
    waited = milliseconds_to_taken(
        lambda: taken.extend(queue.take(1, wait_seconds=5, lease_seconds=60)),
        lambda: put(row_id),
        0.05 + row_id % 7 / 200,  # the taker waits, at any point of its rhythm
    )
    queue.ack(taken[0])
    assert not QueueJob.objects.exists()
    return waited
