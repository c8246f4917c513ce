"""Pending judgements: batches that got a rule score while the language model was unavailable.

While the breaker of the model is open, an analysis job ends after the rule score. The closed batch, whose event is
pending, remains without a job. Such batches are queued again as soon as the breaker lets calls through, the most
urgent first and a few at a time, so that new batches never wait behind a backlog. The reconciler leaves them to this
module.
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

MIN_JOBS = 4
CHUNK = 200


def pending_batches() -> QuerySet[Batch]:
    """Return the batches whose event has no judgement yet, with a job or without."""
    return Batch.objects.filter(state=Batch.State.CLOSED, event__analysis=Event.Analysis.PENDING)


def requeue_pending() -> int:
    """Queue the most urgent pending batches that have no job, while few jobs wait. Return how many."""
    if shared_breaker.wait_seconds(service()) > 0 or not pending_batches().exists():
        return 0
    queue = get_queue(ANALYSIS_QUEUE)
    room = max(MIN_JOBS, 2 * settings.ANALYSIS_CONCURRENCY) - queue.depth().waiting
    row_ids = list(most_urgent(room))
    if not row_ids:
        return 0
    with transaction.atomic():
        return queue.put_many(row_ids)


def most_urgent(limit: int) -> Iterator[int]:
    """Yield up to `limit` pending batches without a job: the highest rule score first, then the newest."""
    ordered = pending_batches().order_by(F("event__risk_score").desc(nulls_last=True), "-started_at", "-pk")
    queue = get_queue(ANALYSIS_QUEUE)
    start = 0
    while limit > 0 and (ids := list(ordered.values_list("pk", flat=True)[start : start + CHUNK])):
        live = queue.live(ids)
        free = [row_id for row_id in ids if row_id not in live][:limit]
        yield from free
        limit -= len(free)
        start += CHUNK
