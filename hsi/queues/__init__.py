"""Queues carry, rows are the truth: a job holds a row id, its attempts and what failed so far.

At least once, with a lease: a job whose worker died is given to another when the lease ends.
A job whose row is already finished is acknowledged and dropped, so a repeat harms nothing.
`tests/hsi/queues/test_contract.py` runs over every backend.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from django.conf import settings

from hsi.errors import HSIError
from hsi.logs.redaction import redact
from hsi.registry import Registry

DETECTION_QUEUE = "detection_queue"
ANALYSIS_QUEUE = "analysis_queue"
FAST_PATH_QUEUE = "fast_path_queue"
QUEUE_NAMES = (DETECTION_QUEUE, FAST_PATH_QUEUE, ANALYSIS_QUEUE)

KEPT_FAILURES = 20


class PutResult(enum.Enum):
    """What became of a job that was put.

    REJECTED: there is no room, or no queue to be reached: the row waits for the reconciler.
    SENT_TO_DLQ: it is queued, and the oldest job became a dead letter for it.
    """

    SUCCESS = "success"
    REJECTED = "rejected"
    SENT_TO_DLQ = "sent_to_dlq"


class LeaseLostError(HSIError):
    """The lease was lost: another worker has the job. The result must not be stored."""

    code = "LEASE_LOST"


class QueueUnavailableError(HSIError):
    """The queue is unavailable or broken. Rows wait, and jobs return when their lease expires."""

    code = "QUEUE_UNAVAILABLE"
    status = 503
    counts = False


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt, without secrets."""

    at: str  # ISO 8601, UTC
    error: str
    text: str
    http_status: int | None = None

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        status = error.http_status if isinstance(error, HSIError) else None
        return cls(
            datetime.now(UTC).isoformat(), type(error).__name__, redact(str(error).replace("\0", ""))[:500], status
        )

    def as_dict(self) -> dict[str, Any]:
        return {"at": self.at, "error": self.error, "text": self.text, "http_status": self.http_status}


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

    `put`, `ack`, `retry` and `mark_dead` take part in the caller's transaction where the backend is the
    database. Where it is not, they happen after the commit: `put` then answers by how full the queue
    is now and never fails for want of a queue; whether a job is still ours is checked now, and
    `LeaseLostError` raised now. Either way nothing is acknowledged whose result was not stored.

    Where the backend is not the database, every method may raise `QueueUnavailableError`.
    """

    name: str

    def put(self, row_id: int, *, trace: str = "") -> PutResult:
        """Queue a row. A row that already has a live job keeps that one: SUCCESS.

        `trace` is the id of the request that caused it; without one, that of the log context.

        In a full queue QUEUE_OVERFLOW_POLICY decides, see `hsi.queues.overflow`.
        """
        ...

    def put_many(self, row_ids: list[int], *, trace: str = "") -> int:
        """Queue rows; how many of them, from the first on, found room. Never displaces other jobs."""
        ...

    def take(self, limit: int, *, wait_seconds: float, lease_seconds: float) -> list[Job]:
        """Up to `limit` due jobs, oldest first, each leased to the caller. Waits until there is one.

        Without `wait_seconds` only looks. A lease may be cut to JOB_LEASE_SECONDS.
        """
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

    def mark_dead(self, job: Job, reason: str, error: BaseException, *, stack: str = "") -> int:
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
    names={"database": "hsi.queues.database.DatabaseQueue", "redis": "hsi.queues.redis.RedisQueue"},
    auto=lambda: "redis" if settings.REDIS_URL else "database",
    depends=("QUEUE_MAX_SIZE", "REDIS_URL", "REDIS_KEY_PREFIX"),
)


def get_queue(name: str) -> Queue:
    """The queue `name` on the backend that the setting names."""
    queue: Queue = backends.get(name)
    return queue
