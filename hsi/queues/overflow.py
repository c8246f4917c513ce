"""The overflow policies that drop the oldest job of a full queue.

The job becomes a dead letter, and its row records it, in one transaction. Only new work drops other jobs. Waiting rows
are queued (`put_many`) where there is space, so that a backlog never displaces itself.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import DatabaseError, InterfaceError, transaction

from hsi.errors import HSIError
from hsi.queues import PutResult, get_handler

if TYPE_CHECKING:
    from hsi.queues import Queue

logger = logging.getLogger(__name__)

REASON = "overflow"
PROMISES = {"dlq": PutResult.SENT_TO_DLQ, "drop_oldest": PutResult.SUCCESS}


class QueueOverflowError(HSIError):
    """The queue was full and this was the oldest waiting job."""

    code = "QUEUE_OVERFLOW"
    status = 503
    retryable = False


def displace(queue: Queue, row_id: int, trace: str) -> PutResult:
    """Put a job into a full queue according to QUEUE_OVERFLOW_POLICY.

    In a transaction, this happens after the commit: marking a row dead takes locks, and no transaction with other locks
    may wait for them.
    """
    promise = PROMISES.get(settings.QUEUE_OVERFLOW_POLICY)
    if promise is None:
        return PutResult.REJECTED
    if transaction.get_connection().in_atomic_block:
        transaction.on_commit(lambda: _exchange_quietly(queue, row_id, trace), robust=True)
        return promise
    return promise if _exchange(queue, row_id, trace) else PutResult.REJECTED


def _exchange_quietly(queue: Queue, row_id: int, trace: str) -> None:
    try:
        _exchange(queue, row_id, trace)
    except (HSIError, DatabaseError, InterfaceError) as error:
        logger.warning("%s: row %s waits for the reconciler: %s", queue.name, row_id, error)


def _exchange(queue: Queue, row_id: int, trace: str) -> bool:
    return drop_oldest(queue) and bool(queue.put_many([row_id], trace=trace))


def drop_oldest(queue: Queue) -> bool:
    """Give up the next job. False: no job waits, because all are leased or delayed."""
    jobs = queue.take(1, wait_seconds=0, lease_seconds=settings.JOB_LEASE_SECONDS)
    if not jobs:
        return False
    job = replace(jobs[0], attempts=jobs[0].attempts - 1)  # the job was never attempted
    error = QueueOverflowError()
    with transaction.atomic():
        get_handler(queue.name).on_dead(job.row_id, f"{error.code}: {error}")
        queue.mark_dead(job, REASON, error)
    logger.warning("%s: full, row %s became a dead letter", queue.name, job.row_id)
    return True
