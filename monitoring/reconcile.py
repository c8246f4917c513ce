"""Queue waiting rows again that have no live job.

Rows are the source of truth. Reconciling repairs the effects of a full queue (`reject`), an emptied Redis and a crash
between commit and enqueueing. It runs at start and every few seconds, also in several processes at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from cameras.models import Upload
from detection.models import Batch
from events.models import Event
from hsi.queues import ANALYSIS_QUEUE, DETECTION_QUEUE, FAST_PATH_QUEUE, QueueName, get_queue
from monitoring.job_runs import note

CHUNK = 1000


def reconcile() -> dict[str, int]:
    """Return the number of requeued rows by queue. Only a run that requeued rows is recorded."""
    queued = _reconcile()
    if any(queued.values()):
        note("reconcile", queued)
    return queued


def _reconcile() -> dict[str, int]:
    return {
        DETECTION_QUEUE: requeue(DETECTION_QUEUE, Upload.objects.waiting()),
        FAST_PATH_QUEUE: requeue(FAST_PATH_QUEUE, Batch.objects.open().filter(is_fast_path=True, event__isnull=True)),
        # Pending events wait for the language model: events.pending queues them by urgency.
        ANALYSIS_QUEUE: requeue(
            ANALYSIS_QUEUE,
            Batch.objects.filter(state=Batch.State.CLOSED).exclude(event__analysis=Event.Analysis.PENDING),
        ),
    }


def requeue(queue_name: QueueName, rows: QuerySet[Any]) -> int:
    """Queue rows without a live job, oldest first, until the queue is full."""
    queue = get_queue(queue_name)
    queued = 0
    for ids in id_chunks(rows):
        live = queue.live(ids)
        missing = [row_id for row_id in ids if row_id not in live]
        accepted = queue.put_many(missing) if missing else 0
        queued += accepted
        if accepted < len(missing):
            break
    return queued


def id_chunks(rows: QuerySet[Any]) -> Iterator[list[int]]:
    """Yield the ids in order, in chunks."""
    last = 0
    while ids := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        yield ids
        last = ids[-1]
