"""The queue as a table. PostgreSQL claims jobs with SKIP LOCKED, SQLite with its single writer.

Every statement is one round trip. Parameters are named, because Django translates `%s` for SQLite with a search that
costs as much as the statement. Times are on the clock of the database, so that workers on several machines agree about
leases.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

from hsi.db.clock import NOW
from hsi.db.lease import claim
from hsi.db.sql import execute, expect
from hsi.logs import context
from hsi.models import QueueJob
from hsi.queues import KEPT_FAILURES, Depth, Failure, Job, LeaseLostError, PutResult, QueueName, backpressure, overflow
from hsi.queues.dead_letters import dead_letter

TABLE = QueueJob._meta.db_table
# Seconds between polls for jobs of other processes. Jobs of this process wake a taker immediately.
POLL_SECONDS = 0.04
ALONE_POLL_SECONDS = 0.5
# The depth is counted at most this often, so QUEUE_MAX_SIZE is exceeded by at most the jobs of a second.
# Between counts, new jobs are added but taken ones are not. A queue under pressure is counted sooner.
DEPTH_AGE_SECONDS = 1.0
FULL_DEPTH_AGE_SECONDS = 0.05


_poll_seconds = POLL_SECONDS


def alone() -> None:
    """All jobs come from this process, but for those a person queues by command: look for others less often."""
    global _poll_seconds
    _poll_seconds = ALONE_POLL_SECONDS


class Bell:
    """Wakes takers of one queue in this process. `rings` only grows, so a ring is never missed."""

    def __init__(self) -> None:
        self.condition = threading.Condition()
        self.rings = 0

    def ring(self) -> None:
        with self.condition:
            self.rings += 1
            self.condition.notify_all()

    def wait(self, rings: int, seconds: float) -> None:
        with self.condition:
            self.condition.wait_for(lambda: self.rings != rings, seconds)


_bells: defaultdict[str, Bell] = defaultdict(Bell)


class DatabaseQueue:
    """The database backend. See `hsi.queues.Queue`."""

    def __init__(self, name: QueueName) -> None:
        self.name = name
        self._bell = _bells[name]
        self._counted: tuple[float, int] = (float("-inf"), 0)

    def put(self, row_id: int, *, trace: str = "") -> PutResult:
        if self.put_many([row_id], trace=trace):
            return PutResult.SUCCESS
        return overflow.displace(self, row_id, trace)

    def put_many(self, row_ids: list[int], *, trace: str = "") -> int:
        fitting = row_ids[: self._room(len(row_ids))]
        backpressure.record_depth(self.name, self._counted[1] + len(fitting))
        if not fitting:
            return 0
        database = connections[DEFAULT_DB_ALIAS]
        now, (numbers, parameter) = NOW[database.vendor], _numbers(fitting, database.vendor)
        execute(
            f"INSERT INTO {TABLE} (queue,row_id,attempts,enqueued_at,due_at,lease,failures,trace)"
            f" SELECT %(queue)s,value,0,{now},{now},'','[]',%(trace)s FROM {numbers}"
            " WHERE true ON CONFLICT (queue,row_id) DO NOTHING",  # without `WHERE` SQLite cannot parse it
            {"queue": self.name, "trace": trace or context.trace(), "numbers": parameter},
        )
        self._counted = (self._counted[0], self._counted[1] + len(fitting))
        database.on_commit(self._bell.ring)
        return len(fitting)

    def take(self, limit: int, *, wait_seconds: float, lease_seconds: float) -> list[Job]:
        deadline = time.monotonic() + wait_seconds
        while True:
            rings = self._bell.rings
            if jobs := self._claim(limit, lease_seconds):
                return jobs
            left = deadline - time.monotonic()
            if left <= 0:
                return []
            self._bell.wait(rings, min(left, _poll_seconds))

    def _claim(self, limit: int, lease_seconds: float) -> list[Job]:
        lease, rows = claim(
            TABLE,
            "queue=%(queue)s",
            {"queue": self.name},
            limit=limit,
            lease_seconds=lease_seconds,
            returning="id,row_id,attempts,enqueued_at,failures,trace",
        )
        return [self._job(row, lease) for row in rows]

    def _job(self, row: tuple[Any, ...], lease: str) -> Job:
        identity, row_id, attempts, enqueued_at, failures, trace = row
        failed = () if failures == "[]" else tuple(json.loads(failures))
        return Job(identity, self.name, row_id, attempts, enqueued_at, lease, failed, trace)

    def ack(self, job: Job) -> None:
        self._ours(f"DELETE FROM {TABLE} WHERE id=%(id)s AND lease=%(lease)s", {"id": job.id, "lease": job.lease})

    def ack_many(self, jobs: list[Job]) -> None:
        ids_by_lease: defaultdict[str, list[int]] = defaultdict(list)
        for job in jobs:
            ids_by_lease[job.lease].append(job.id)
        with transaction.atomic():
            for lease, ids in ids_by_lease.items():
                numbers, parameter = _numbers(ids, connection.vendor)
                self._ours(
                    f"DELETE FROM {TABLE} WHERE lease=%(lease)s AND id IN (SELECT value FROM {numbers})",
                    {"lease": lease, "numbers": parameter},
                    len(ids),
                )

    def extend(self, jobs: list[Job], lease_seconds: float) -> int:
        if not jobs:
            return 0
        marks = ",".join(["%s"] * len(jobs))
        extended = execute(
            f"UPDATE {TABLE} SET due_at={NOW[connection.vendor]}+%s WHERE id IN ({marks}) AND lease IN ({marks})",
            [lease_seconds, *(job.id for job in jobs), *(job.lease for job in jobs)],
        )
        return int(extended.rowcount)

    def retry(self, job: Job, delay_seconds: float, failure: Failure, *, counts: bool = True) -> None:
        failures = json.dumps([*job.failures, failure.as_dict()][-KEPT_FAILURES:])
        self._ours(
            f"UPDATE {TABLE} SET lease='', attempts=%(attempts)s, failures=%(failures)s,"
            f" due_at={NOW[connection.vendor]}+%(seconds)s WHERE id=%(id)s AND lease=%(lease)s",
            {
                "attempts": job.attempts if counts else job.attempts - 1,
                "failures": failures,
                "seconds": delay_seconds,
                "id": job.id,
                "lease": job.lease,
            },
        )
        transaction.on_commit(self._bell.ring)

    def mark_dead(self, job: Job, reason: str, error: BaseException, *, stack: str = "") -> int:
        with transaction.atomic():
            self.ack(job)
            self._counted = (float("-inf"), 0)
            return dead_letter(job, reason, error, stack).pk

    def depth(self) -> Depth:
        now = NOW[connection.vendor]
        [(total, waiting, leased, oldest)] = execute(
            f"SELECT count(*), count(CASE WHEN due_at<={now} THEN 1 END),"
            f" count(CASE WHEN due_at>{now} AND lease<>'' THEN 1 END), {now}-min(enqueued_at)"
            f" FROM {TABLE} WHERE queue=%s",
            [self.name],
        ).fetchall()
        return Depth(waiting, leased, total - waiting - leased, oldest)

    def live(self, row_ids: list[int]) -> set[int]:
        return set(QueueJob.objects.filter(queue=self.name, row_id__in=row_ids).values_list("row_id", flat=True))

    def peek(self, limit: int) -> list[Job]:
        rows = QueueJob.objects.filter(queue=self.name).order_by("due_at", "id")[:limit]
        return [
            Job(r.pk, self.name, r.row_id, r.attempts, r.enqueued_at, r.lease, tuple(r.failures), r.trace) for r in rows
        ]

    def clear(self) -> int:
        return QueueJob.objects.filter(queue=self.name).delete()[0]

    def _ours(self, statement: str, parameters: dict[str, Any], jobs: int = 1) -> None:
        expect(jobs, LeaseLostError, statement, parameters)

    def _room(self, wanted: int) -> int:
        """Return the free space in jobs, from a count of at most `DEPTH_AGE_SECONDS` plus our own jobs since."""
        at, count = self._counted
        now = time.monotonic()
        easy = count + wanted < settings.QUEUE_MAX_SIZE * settings.QUEUE_BACKPRESSURE_THRESHOLD
        if now - at > (DEPTH_AGE_SECONDS if easy else FULL_DEPTH_AGE_SECONDS):
            count = QueueJob.objects.filter(queue=self.name).count()
            self._counted = (now, count)
        return max(0, int(settings.QUEUE_MAX_SIZE) - count)


def _numbers(numbers: list[int], vendor: str) -> tuple[str, str | int | list[int]]:
    """Return a table of numbers with the column `value`, and its parameter. The SQL does not depend on their count."""
    if vendor == "postgresql":
        return "unnest(%(numbers)s::bigint[]) AS numbers(value)", numbers
    if len(numbers) == 1:
        return "(SELECT %(numbers)s AS value)", numbers[0]
    return "json_each(%(numbers)s)", json.dumps(numbers)
