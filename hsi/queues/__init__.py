"""Queues carry, rows are the truth: a job holds a row id, its attempts and what failed so far.

At least once, with a lease: a job whose worker died is given to another when the lease ends.
A job whose row is already finished is acknowledged and dropped, so a repeat harms nothing.
`tests/hsi/test_queue_contract.py` runs over every backend.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from hsi.backends import Registry
from hsi.errors import HSIError

DETECTION_QUEUE = "detection_queue"
ANALYSIS_QUEUE = "analysis_queue"
FAST_PATH_QUEUE = "fast_path_queue"
QUEUE_NAMES = (DETECTION_QUEUE, FAST_PATH_QUEUE, ANALYSIS_QUEUE)

KEPT_FAILURES = 20


class PutResult(enum.Enum):
    """What became of a job that was put. REJECTED: the queue is full, the row waits for room."""

    SUCCESS = "success"
    REJECTED = "rejected"


class LeaseLostError(HSIError):
    """The job was given to another worker meanwhile: what was done for it must not be stored."""

    code = "LEASE_LOST"


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt."""

    at: str  # ISO 8601, UTC
    error: str
    text: str
    http_status: int | None = None

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        status = getattr(error, "http_status", None)
        return cls(datetime.now(UTC).isoformat(), type(error).__name__, str(error)[:500].replace("\0", ""), status)


@dataclass(frozen=True, slots=True)
class Job:
    """A job in hand. `attempts` counts this one; `lease` proves that it is still ours."""

    id: Any
    queue: str
    row_id: int
    attempts: int
    put_at: float  # seconds since 1970, the queue's clock
    lease: str
    failures: tuple[dict[str, Any], ...] = ()
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Depth:
    """How full a queue is. `oldest_seconds` is the age of the job that was put first."""

    waiting: int
    leased: int
    delayed: int
    oldest_seconds: float | None = None

    @property
    def total(self) -> int:
        return self.waiting + self.leased + self.delayed


class Queue(Protocol):
    """One named queue.

    `put`, `ack`, `retry` and `bury` take part in the caller's transaction where the backend is the
    database, and happen after its commit where it is not; either way nothing is acknowledged whose
    result was not stored.
    """

    name: str

    def put(self, row_id: int, *, trace: str = "") -> PutResult:
        """Queue a row. A row that already has a live job keeps that one: SUCCESS."""
        ...

    def put_many(self, row_ids: list[int], *, trace: str = "") -> int:
        """Queue rows; how many of them, from the first on, found room."""
        ...

    def take(self, limit: int, *, wait_seconds: float, lease_seconds: float) -> list[Job]:
        """Up to `limit` due jobs, oldest first, each leased to the caller. Waits until there is one."""
        ...

    def ack(self, job: Job) -> None:
        """The job is done. Raises LeaseLostError where it is no longer ours."""
        ...

    def ack_many(self, jobs: list[Job]) -> None:
        """All of them are done, or none: raises LeaseLostError where one is no longer ours."""
        ...

    def extend(self, jobs: list[Job], lease_seconds: float) -> int:
        """Keep jobs in hand; how many are still ours."""
        ...

    def retry(self, job: Job, delay_seconds: float, failure: Failure, *, counts: bool = True) -> None:
        """Try again later. With `counts` False this attempt does not count. Raises LeaseLostError."""
        ...

    def bury(self, job: Job, reason: str, error: BaseException, *, stack: str = "") -> int:
        """Give up: the job becomes a DeadLetter, whose id is returned. Raises LeaseLostError."""
        ...

    def depth(self) -> Depth: ...

    def live(self, row_ids: list[int]) -> set[int]:
        """Those of `row_ids` that have a live job."""
        ...

    def peek(self, limit: int) -> list[Job]:
        """The next jobs, without taking them."""
        ...

    def clear(self) -> int:
        """Remove every job; how many. The rows keep waiting: the reconciler queues them again."""
        ...


backends = Registry(
    setting="QUEUE",
    names={"database": "hsi.queues.database.DatabaseQueue"},
    auto=lambda: "database",
    depends=("QUEUE_MAX_SIZE",),
)


def get_queue(name: str) -> Queue:
    """The queue `name` on the backend that the setting names."""
    queue: Queue = backends.get(name)
    return queue
