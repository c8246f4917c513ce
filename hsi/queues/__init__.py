"""The queue contract. A queue carries jobs; a job contains the id of a row, its attempts and its failures.

Delivery is at least once, with a lease: when a worker dies, another one gets the job after the lease expires. A job
whose row is finished is acknowledged and dropped, so a repetition does no harm. `tests/hsi/queues/test_contract.py`
runs over every backend.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NewType, Protocol

from django.conf import settings

from hsi.errors import HSIError
from hsi.logs.redaction import redact
from hsi.registry import Registry

# A type of its own: a worker, a stage and a breaker have names too, and "detection" is one of each.
QueueName = NewType("QueueName", str)

DETECTION_QUEUE = QueueName("detection_queue")
ANALYSIS_QUEUE = QueueName("analysis_queue")
FAST_PATH_QUEUE = QueueName("fast_path_queue")
QUEUE_NAMES = (DETECTION_QUEUE, FAST_PATH_QUEUE, ANALYSIS_QUEUE)

KEPT_FAILURES = 20


class PutResult(enum.Enum):
    """The result of `put`.

    REJECTED: the queue is full or unavailable, and the row waits for the reconciler. SENT_TO_DLQ: the job is queued,
    and the oldest job became a dead letter.
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
    """A leased job. `attempts` includes the current one. `lease` proves the ownership."""

    id: Any
    queue: QueueName
    row_id: int
    attempts: int
    enqueued_at: float  # seconds since 1970, the queue's clock
    lease: str
    failures: tuple[dict[str, Any], ...] = ()
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Depth:
    """The depth of a queue. `oldest_seconds` is the age of the oldest job."""

    waiting: int
    leased: int
    delayed: int
    oldest_seconds: float | None = None

    @property
    def total(self) -> int:
        return self.waiting + self.leased + self.delayed


class Queue(Protocol):
    """One named queue.

    With the database backend, `put`, `ack`, `retry` and `mark_dead` take part in the transaction of the caller. With
    other backends they run after the commit: `put` then answers by the current depth and never fails because of an
    unavailable queue, and the ownership of a job is checked immediately with `LeaseLostError`. In both cases no job is
    acknowledged without a stored result.

    With other backends, every method may raise `QueueUnavailableError`.
    """

    name: QueueName

    def put(self, row_id: int, *, trace: str = "") -> PutResult:
        """Queue a row. A row with a live job keeps that job: SUCCESS.

        `trace` is the id of the causing request, by default that of the log context. QUEUE_OVERFLOW_POLICY decides
        about a full queue, see `hsi.queues.overflow`.
        """
        ...

    def put_many(self, row_ids: list[int], *, trace: str = "") -> int:
        """Queue rows. Return how many of them, from the first on, fit. This never displaces other jobs."""
        ...

    def take(self, limit: int, *, wait_seconds: float, lease_seconds: float) -> list[Job]:
        """Lease up to `limit` due jobs to the caller, oldest first. Wait until there is one.

        Without `wait_seconds`, return immediately. A lease may be cut to JOB_LEASE_SECONDS.
        """
        ...

    def ack(self, job: Job) -> None:
        """Complete the job. Raise LeaseLostError if the lease was lost."""
        ...

    def ack_many(self, jobs: list[Job]) -> None:
        """Complete all of the jobs or none. Raise LeaseLostError if one lease was lost."""
        ...

    def extend(self, jobs: list[Job], lease_seconds: float) -> int:
        """Extend the leases of running jobs. Return how many are still ours."""
        ...

    def retry(self, job: Job, delay_seconds: float, failure: Failure, *, counts: bool = True) -> None:
        """Queue the job again after a delay. With `counts` False, the attempt does not count. Raise LeaseLostError."""
        ...

    def mark_dead(self, job: Job, reason: str, error: BaseException, *, stack: str = "") -> int:
        """Give up: turn the job into a DeadLetter and return its id. Raise LeaseLostError."""
        ...

    def depth(self) -> Depth: ...

    def live(self, row_ids: list[int]) -> set[int]:
        """Return those of `row_ids` that have a live job."""
        ...

    def peek(self, limit: int) -> list[Job]:
        """Return the next jobs without taking them."""
        ...

    def clear(self) -> int:
        """Remove every job and return their number. The rows wait, and the reconciler queues them again."""
        ...


backends = Registry(
    setting="QUEUE",
    names={"database": "hsi.queues.database.DatabaseQueue", "redis": "hsi.queues.redis.RedisQueue"},
    auto=lambda: "redis" if settings.REDIS_URL else "database",
    depends=("QUEUE_MAX_SIZE", "REDIS_URL", "REDIS_KEY_PREFIX"),
)


def get_queue(name: QueueName) -> Queue:
    """Return the queue `name` of the configured backend."""
    queue: Queue = backends.get(name)
    return queue


@dataclass(frozen=True, slots=True)
class JobHandler:
    """The work of a queue, and what happens to a row whose job fails or is queued again.

    `work(job)` stores the result and acknowledges in one transaction.
    `on_dead(row_id, reason)` marks the row, in the transaction that makes its job a dead letter.
    `on_requeue(row_id)` lets the row wait again, and returns False where it is gone or finished.
    """

    work: Callable[[Job], None]
    on_dead: Callable[[int, str], None]
    on_requeue: Callable[[int], bool]


_handlers: dict[QueueName, JobHandler] = {}


def register(queue: QueueName, handler: JobHandler) -> None:
    """Declare what the jobs of a queue do. The app that owns its rows calls this in `AppConfig.ready()`."""
    _handlers[queue] = handler


def get_handler(queue: QueueName) -> JobHandler:
    """Return the handler of a queue. Raise `KeyError` where none is registered."""
    return _handlers[queue]
