"""The rows are the truth: whatever waits without a live job is queued again.

This is what makes a full queue (`reject`), an emptied Redis and a crash between commit and hand-off
harmless. It runs at the start and every few seconds, and two of it do no harm.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from cameras.models import Upload
from detection.models import Batch
from events.models import Event
from hsi.queues import ANALYSIS_QUEUE, DETECTION_QUEUE, FAST_PATH_QUEUE, get_queue
from monitoring.job_runs import note

CHUNK = 1000


def reconcile() -> dict[str, int]:
    """How many rows were queued again, by queue. A run that found none leaves no trace."""
    queued = _reconcile()
    if any(queued.values()):
        note("reconcile", queued)
    return queued


def _reconcile() -> dict[str, int]:
    return {
        DETECTION_QUEUE: requeue(DETECTION_QUEUE, Upload.objects.waiting()),
        FAST_PATH_QUEUE: requeue(FAST_PATH_QUEUE, Batch.objects.open().filter(is_fast_path=True, event__isnull=True)),
        # Those that were told already wait for the language model: events.pending queues them, by urgency.
        ANALYSIS_QUEUE: requeue(
            ANALYSIS_QUEUE,
            Batch.objects.filter(state=Batch.State.CLOSED).exclude(event__analysis=Event.Analysis.PENDING),
        ),
    }


def requeue(queue_name: str, rows: QuerySet[Any]) -> int:
    """Queue those of `rows` that have no live job, oldest first, while there is room."""
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
    """Ids in order, a bounded number at a time."""
    last = 0
    while ids := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        yield ids
        last = ids[-1]
