"""Judgements that are owed: batches told by rules while the language model was away.

While its breaker is open, an analysis job tells its event and is done with; the closed batch whose
event is pending is what waits. Such batches are queued again as soon as calls go through, the most
urgent first and a few at a time, so that new batches never stand behind a backlog.
The reconciler leaves them alone: this is what queues them again, whyever they have no job.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet

from detection.models import Batch
from events.analyzers import service
from events.models import Event
from hsi.outbound import shared_breaker
from hsi.queues import ANALYSIS_QUEUE, get_queue

AT_ONCE = 4
CHUNK = 200


def owed() -> QuerySet[Batch]:
    """Batches whose event was told and not judged yet, with a job or without."""
    return Batch.objects.filter(state=Batch.State.CLOSED, event__analysis=Event.Analysis.PENDING)


def catch_up() -> int:
    """Queue the most urgent of `owed` that have no job, while few jobs wait; how many."""
    if shared_breaker.wait_seconds(service()) > 0 or not owed().exists():
        return 0
    queue = get_queue(ANALYSIS_QUEUE)
    room = max(AT_ONCE, 2 * settings.ANALYSIS_CONCURRENCY) - queue.depth().waiting
    row_ids = list(most_urgent(room))
    if not row_ids:
        return 0
    with transaction.atomic():
        return queue.put_many(row_ids)


def most_urgent(limit: int) -> Iterator[int]:
    """Up to `limit` batches of `owed` without a job: the highest rule score first, then the newest."""
    ordered = owed().order_by(F("event__risk_score").desc(nulls_last=True), "-started_at", "-pk")
    queue = get_queue(ANALYSIS_QUEUE)
    start = 0
    while limit > 0 and (ids := list(ordered.values_list("pk", flat=True)[start : start + CHUNK])):
        live = queue.live(ids)
        free = [row_id for row_id in ids if row_id not in live][:limit]
        yield from free
        limit -= len(free)
        start += CHUNK
