"""No-op jobs on their way through a queue: put, taken and acknowledged by one thread in turns.

The engines write one after the other anyway, and threads would measure the interpreter's lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread
from typing import Any, Protocol

from django.db import connections

from hsi.queues import Queue


class BareQueue(Protocol):
    """The engine alone, through its driver."""

    def put(self, row_ids: list[int]) -> None: ...
    def take(self, limit: int) -> list[Any]: ...
    def ack(self, taken: list[Any]) -> None: ...


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


def milliseconds_to_taken(take: Callable[[], object], put: Callable[[], object], pause_seconds: float) -> float:
    """From a put to its job in the hands of a taker that has waited for it this long."""
    taken_at: list[float] = []

    def wait_for_it() -> None:
        take()
        taken_at.append(time.perf_counter())
        connections.close_all()

    taker = Thread(target=wait_for_it)
    taker.start()
    time.sleep(pause_seconds)
    began = time.perf_counter()
    put()
    taker.join()
    return (taken_at[0] - began) * 1000
