"""The queue in Redis or Valkey: a stream with one consumer group, see `hsi/queues/redis_scripts.py`.

A job is one message. XREADGROUP takes it. Every change (another attempt, an expired lease) creates a new message, so
the id of a message proves the ownership. All takers are the same consumer, so a dead process leaves none behind.

A lease is the idle time of the message. It expires at JOB_LEASE_SECONDS, for every taker. A shorter lease starts with a
higher idle time. Longer leases do not exist: running jobs are extended.

Redis may lose everything at any moment. Rows then wait, and the reconciler queues them again.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import transaction
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError, ResponseError

from hsi.db.redis import ANSWER_SECONDS, get_client
from hsi.logs import context
from hsi.queues import (
    KEPT_FAILURES,
    Depth,
    Failure,
    Job,
    LeaseLostError,
    PutResult,
    QueueName,
    QueueUnavailableError,
    backpressure,
    overflow,
    redis_scripts,
)
from hsi.queues.dead_letters import dead_letter

logger = logging.getLogger(__name__)

GROUP = CONSUMER = "hsi"
# Each busy taker checks for due retries and expired leases this often; an idle taker checks always.
TEND_SECONDS = 0.25
TEND_LIMIT = 100
CHUNK = 1000  # rows in one script; Lua takes 8,000 arguments
SIZE_AGE_SECONDS = 1.0
# After a failure, transactions skip Redis for this long, and their rows wait.
QUIET_SECONDS = 5.0
LOOKED_AT = 100  # of messages and of delayed jobs, for the oldest
LONGEST_BLOCK_SECONDS = ANSWER_SECONDS / 2


class RedisQueue:
    """The Redis backend. See `hsi.queues.Queue`. Every method raises `QueueUnavailableError` if Redis fails."""

    def __init__(self, name: QueueName) -> None:
        self.name = name
        self._client: Any = get_client(
            settings.REDIS_URL
        )  # the types of the library do not say whether a result is awaited
        key = f"{settings.REDIS_KEY_PREFIX}:{{{name}}}"  # the braces keep all three in one slot of a cluster
        self._stream = f"{key}:stream"
        self._keys = [self._stream, f"{key}:rows", f"{key}:delayed"]
        self._scripts = {
            name: self._client.register_script(text) for name, text in vars(redis_scripts).items() if name.isupper()
        }
        self._tend_at = 0.0
        self._cursor = "0-0"
        self._size: tuple[float, int] = (float("-inf"), 0)
        self._quiet_until = float("-inf")

    def put(self, row_id: int, *, trace: str = "") -> PutResult:
        if self.put_many([row_id], trace=trace):
            return PutResult.SUCCESS
        if time.monotonic() < self._quiet_until:
            return PutResult.REJECTED
        return overflow.displace(self, row_id, trace)

    def put_many(self, row_ids: list[int], *, trace: str = "") -> int:
        if not row_ids:
            return 0
        trace = trace or context.trace()
        if not transaction.get_connection().in_atomic_block:
            return self._put(row_ids, trace)
        fitting = row_ids[: self._room()]
        if fitting:
            self._after_commit(lambda: self._put(fitting, trace), f"{len(fitting)} rows wait to be queued")
        return len(fitting)

    def _put(self, row_ids: list[int], trace: str) -> int:
        found = 0
        for start in range(0, len(row_ids), CHUNK):
            chunk = row_ids[start : start + CHUNK]
            fitting, size = self._run("PUT", settings.QUEUE_MAX_SIZE, trace, *chunk)
            self._size = (time.monotonic(), size)
            found += fitting
            if fitting < len(chunk):
                break
        backpressure.record_depth(self.name, self._size[1])
        return found

    def _room(self) -> int:
        """Return for how many more jobs there is space, as far as is known without delaying a transaction."""
        at, size = self._size
        now = time.monotonic()
        if now < self._quiet_until:
            return 0
        if now - at > SIZE_AGE_SECONDS:
            try:
                with self._asked():
                    size = self._client.hlen(self._keys[1])
            except QueueUnavailableError as error:
                self._go_quiet(error)
                return 0
            self._size = (now, size)
        return max(0, int(settings.QUEUE_MAX_SIZE) - size)

    def take(self, limit: int, *, wait_seconds: float, lease_seconds: float) -> list[Job]:
        deadline = time.monotonic() + wait_seconds
        while True:
            now = time.monotonic()
            if now >= self._tend_at:
                self._tend()
            block = min(deadline, self._tend_at) - now if wait_seconds > 0 else 0.0
            if jobs := self._read(limit, block, lease_seconds):
                return jobs
            left = deadline - time.monotonic()
            if left <= 0:
                # No job waits, so check whether one has just become due.
                return self._read(limit, 0, lease_seconds) if self._tend() else []

    def _read(self, limit: int, block_seconds: float, lease_seconds: float) -> list[Job]:
        block = ["BLOCK", max(1, int(min(block_seconds, LONGEST_BLOCK_SECONDS) * 1000))] if block_seconds > 0 else []
        command = ["XREADGROUP", "GROUP", GROUP, CONSUMER, "COUNT", limit, *block, "STREAMS", self._stream, ">"]
        with self._asked():
            try:
                answer = self._client.execute_command(*command)
            except ResponseError as error:
                if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                    raise
                self._make_group()
                answer = self._client.execute_command(*command)
        jobs = [self._job(identity, fields) for identity, fields in answer[0][1]] if answer else []
        if jobs and lease_seconds < settings.JOB_LEASE_SECONDS:
            self._extend(jobs, lease_seconds)
        return jobs

    def _make_group(self) -> None:
        """Create the group from the first message on, so that messages put before it existed are not missed."""
        try:
            self._client.xgroup_create(self._stream, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):  # another taker created it first
                raise

    def _tend(self) -> int:
        """Make due jobs available and return their number. Without memory for it, waiting jobs are taken first."""
        try:
            moved, due, cursor = self._run("TEND", GROUP, _base_ms(), self._cursor, TEND_LIMIT)
        except QueueUnavailableError as error:
            if not isinstance(error.__cause__, OutOfMemoryError):
                raise
            logger.warning("%s: retries wait because Redis is out of memory", self.name)
            moved, due, cursor = 0, -1, "0-0"
        self._cursor = cursor
        pause = TEND_SECONDS if due < 0 else min(TEND_SECONDS, max(0.001, due / 1000))
        self._tend_at = time.monotonic() + (0 if moved >= TEND_LIMIT else pause)
        return int(moved)

    def _job(self, identity: bytes, fields: list[bytes]) -> Job:
        message = identity.decode()
        row_id = int(fields[1])
        if len(fields) == 2:
            return Job(message, self.name, row_id, 1, int(message.partition("-")[0]) / 1000, message)
        has = dict(zip(fields[2::2], fields[3::2], strict=True))
        put_ms = int(has.get(b"t") or message.partition("-")[0])
        failures = tuple(json.loads(has.get(b"f", b"[]")))
        attempts = int(has.get(b"n", 0)) + 1
        return Job(message, self.name, row_id, attempts, put_ms / 1000, message, failures, has.get(b"x", b"").decode())

    def ack(self, job: Job) -> None:
        self.ack_many([job])

    def ack_many(self, jobs: list[Job]) -> None:
        if not jobs:
            return
        if transaction.get_connection().in_atomic_block:
            self._check(jobs)
            self._after_commit(lambda: self._ack(jobs), f"{len(jobs)} done jobs come back once and are dropped")
        else:
            self._ack(jobs)

    def _ack(self, jobs: list[Job]) -> None:
        if not self._run("ACK", GROUP, *(job.row_id for job in jobs), *(job.id for job in jobs)):
            raise LeaseLostError

    def _check(self, jobs: list[Job]) -> None:
        with self._asked():
            held = self._client.hmget(self._keys[1], [str(job.row_id) for job in jobs])
        if held != [job.id.encode() for job in jobs]:
            raise LeaseLostError

    def extend(self, jobs: list[Job], lease_seconds: float) -> int:
        return self._extend(jobs, lease_seconds) if jobs else 0

    def _extend(self, jobs: list[Job], lease_seconds: float) -> int:
        head_start = max(0, _base_ms() - int(lease_seconds * 1000))
        rows_and_ids = (*(job.row_id for job in jobs), *(job.id for job in jobs))
        return int(self._run("EXTEND", GROUP, head_start, *rows_and_ids))

    def retry(self, job: Job, delay_seconds: float, failure: Failure, *, counts: bool = True) -> None:
        if transaction.get_connection().in_atomic_block:
            self._check([job])
            retry = self._retry
            self._after_commit(lambda: retry(job, delay_seconds, failure, counts), "a job comes back by its lease")
        else:
            self._retry(job, delay_seconds, failure, counts)

    def _retry(self, job: Job, delay_seconds: float, failure: Failure, counts: bool) -> None:
        failures = json.dumps([*job.failures, failure.as_dict()][-KEPT_FAILURES:])
        attempts = job.attempts if counts else job.attempts - 1
        fields = ("r", job.row_id, "n", attempts, "t", int(job.enqueued_at * 1000), "f", failures, "x", job.trace)
        if not self._run("RETRY", GROUP, job.row_id, job.id, max(0, int(delay_seconds * 1000)), *fields):
            raise LeaseLostError

    def mark_dead(self, job: Job, reason: str, error: BaseException, *, stack: str = "") -> int:
        with transaction.atomic():
            self.ack(job)
            return dead_letter(job, reason, error, stack).pk

    def depth(self) -> Depth:
        messages, leased, delayed, overdue, age_ms = self._run("DEPTH", GROUP, LOOKED_AT)
        waiting = messages - leased + overdue
        return Depth(waiting, leased, delayed - overdue, None if age_ms < 0 else age_ms / 1000)

    def live(self, row_ids: list[int]) -> set[int]:
        chunks = (row_ids[start : start + CHUNK] for start in range(0, len(row_ids), CHUNK))
        return {int(row) for chunk in chunks for row in self._run("LIVE", *chunk)}

    def peek(self, limit: int) -> list[Job]:
        with self._asked():
            groups = self._client.execute_command("XINFO GROUPS", self._stream) if self._exists() else []
            after = groups[0]["last-delivered-id"].decode() if groups else "0-0"
            waiting = self._client.xrange(self._stream, f"({after}", "+", limit)
            delayed = self._client.zrange(self._keys[2], 0, limit - 1)
            held = self._client.hmget(self._keys[1], delayed) if delayed else []
        later = [json.loads(value[1:]) for value in held if value and value.startswith(b"d")]
        jobs = [self._job(identity, [part for pair in fields.items() for part in pair]) for identity, fields in waiting]
        return [*jobs, *(self._job(b"", [str(part).encode() for part in fields]) for fields in later)][:limit]

    def _exists(self) -> bool:
        return bool(self._client.exists(self._stream))

    def clear(self) -> int:
        with self._asked(), self._client.pipeline(transaction=True) as commands:
            commands.hlen(self._keys[1]).delete(*self._keys)
            size: int = commands.execute()[0]
        self._size = (float("-inf"), 0)
        return size

    def _run(self, script: str, *arguments: Any) -> Any:
        with self._asked():
            return self._scripts[script](self._keys, arguments)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except RedisError as error:
            if isinstance(error, ReadOnlyError):
                # The server has become a replica. New connections may reach the new primary.
                self._client.connection_pool.disconnect(inuse_connections=False)
            raise QueueUnavailableError(f"Redis: {type(error).__name__}: {error}"[:300]) from error

    def _after_commit(self, effect: Callable[[], Any], otherwise: str) -> None:
        def run() -> None:
            try:
                effect()
            except LeaseLostError:
                logger.info("%s: a job was given to another worker before it was acknowledged", self.name)
            except QueueUnavailableError as error:
                logger.warning("%s: %s: %s", self.name, otherwise, error)
                self._go_quiet(error)

        transaction.on_commit(run)

    def _go_quiet(self, error: QueueUnavailableError) -> None:
        if time.monotonic() >= self._quiet_until:
            logger.warning("%s: rows wait for the reconciler: %s", self.name, error)
        self._quiet_until = time.monotonic() + QUIET_SECONDS


def _base_ms() -> int:
    """Return the idle time at which a lease has expired."""
    return int(settings.JOB_LEASE_SECONDS * 1000)
