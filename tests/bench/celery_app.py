"""A Celery application with one task that does nothing, as Celery comes: only results are off, which nobody reads.

Started as a worker of its own, see `tests/bench/celery_side.py`.
"""

from __future__ import annotations

import os

import redis
from celery import Celery

DONE = "bench:celery-done"

app = Celery("bench", broker=os.environ["BENCH_BROKER_URL"])
app.conf.task_ignore_result = True
app.conf.broker_connection_retry_on_startup = True


@app.task(name="no-op")  # type: ignore[untyped-decorator]  # Celery is untyped
def no_op(row_id: int, last: int) -> None:
    """Does nothing; the last one says so, on which the producer waits."""
    if row_id == last:
        with redis.Redis.from_url(os.environ["BENCH_BROKER_URL"]) as client:
            client.rpush(DONE, row_id)
