"""Celery with one producer (this process) and one worker process, on the same Redis, with the same no-op jobs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from hsi.queues import Queue
from tests.bench.figure import Figure, compared
from tests.bench.through import through, timed

TASKS, WARM_UP, ROUNDS = 1000, 50, 3
BATCHES, BATCH = 60, 64
PATIENCE_SECONDS = 60


def beside_celery(name: str, ours: Queue, *, at_least: float | None = None) -> Figure:
    """Jobs a second of `ours`, 64 at a time, with Celery's as the limit."""
    with worker():
        through_celery(WARM_UP)
        return compared(
            name, "jobs/s",
            timed(lambda: through(ours, BATCHES, BATCH), BATCHES * BATCH),
            timed(lambda: through_celery(TASKS), TASKS),
            rounds=ROUNDS, at_least=at_least,
        )  # fmt: skip


@contextmanager
def worker() -> Iterator[None]:
    """A worker that does tasks in its own process: the quicker of Celery's pools for tasks as short as these."""
    command = [sys.executable, "-W", "ignore", "-m", "celery", "-A", "tests.bench.celery_app", "worker", "--pool=solo"]
    process = subprocess.Popen([*command, "--loglevel=ERROR"], stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def through_celery(tasks: int) -> None:
    """From the first put to the end of the last task."""
    from tests.bench.celery_app import DONE, no_op  # needs its broker's address

    for row_id in range(tasks):
        no_op.delay(row_id, tasks - 1)
    with redis.Redis.from_url(os.environ["BENCH_BROKER_URL"], socket_timeout=PATIENCE_SECONDS * 2) as client:
        if client.blpop([DONE], PATIENCE_SECONDS) is None:
            raise TimeoutError("Celery did not do its tasks")
