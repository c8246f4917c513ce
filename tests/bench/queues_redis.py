"""No-op jobs through the queue in Redis, against bare redis-py on a stream of its own; Celery beside it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from redis import Redis

from hsi.queues import Job, Queue, QueueName, get_queue
from tests.bench.bare_redis import BareStream
from tests.bench.celery_side import beside_celery
from tests.bench.figure import Figure, compared
from tests.bench.through import milliseconds_to_taken, through, through_bare, timed

BATCH = 64
BATCHES, SINGLES, ROUNDS = 60, 300, 9
TAKES = 60
PAUSE_SECONDS = 0.03


def figures() -> Iterator[Figure]:
    """Jobs a second 64 at a time and one at a time, and how soon an idle worker has a job."""
    ours = get_queue(QueueName("bench"))
    with Redis.from_url(settings.REDIS_URL, protocol=2) as client:
        bare = BareStream(client)
        yield compared(
            "queue on redis, 64 at a time", "jobs/s",
            timed(lambda: through(ours, BATCHES, BATCH), BATCHES * BATCH),
            timed(lambda: through_bare(bare, BATCHES, BATCH), BATCHES * BATCH),
            rounds=ROUNDS, at_least=0.4,
        )  # fmt: skip
        yield compared(
            "queue on redis, one at a time", "jobs/s",
            timed(lambda: through(ours, SINGLES, 1), SINGLES),
            timed(lambda: through_bare(bare, SINGLES, 1), SINGLES),
            rounds=ROUNDS, at_least=0.6,
        )  # fmt: skip
        yield compared("queue on redis, put to taken", "ms", latency(ours), bare_latency(bare), rounds=TAKES, at_most=2)
    yield beside_celery("queue on redis, 64 at a time, beside Celery", ours, at_least=10)


def latency(queue: Queue) -> Callable[[], float]:
    """Milliseconds from a put to the job in the hands of a worker that was waiting for it."""
    rows = itertools.count()

    def measure() -> float:
        taken: list[Job] = []
        waited = milliseconds_to_taken(
            lambda: taken.extend(queue.take(1, wait_seconds=5, lease_seconds=60)),
            lambda: queue.put(next(rows)),
            PAUSE_SECONDS,
        )
        queue.ack(taken[0])
        return waited

    return measure


def bare_latency(bare: BareStream) -> Callable[[], float]:
    def measure() -> float:
        taken: list[Any] = []
        waited = milliseconds_to_taken(
            lambda: taken.extend(bare.take(1, block=5000)), lambda: bare.put([1]), PAUSE_SECONDS
        )
        bare.ack(taken)
        return waited

    return measure
