"""An event is judged again because a person asks for it."""

from __future__ import annotations

from django.utils import timezone

from detection.models import Batch
from events.models import Event
from events.record import tell
from hsi import deadletters
from hsi.queues import ANALYSIS_QUEUE, get_queue


def ask(event: Event, by: str) -> None:
    """Let the event's batch wait for a judgement, in the caller's transaction. Its score stays until then.

    Where it waits already nothing changes. `by` is who asks, for the story of a dead letter.
    """
    if deadletters.retry(ANALYSIS_QUEUE, event.batch_id, by):
        event.refresh_from_db()
        return
    batches = Batch.objects.filter(pk=event.batch_id, state=Batch.State.ANALYSED)
    if not batches.update(state=Batch.State.CLOSED, finished_at=None):
        return
    event.analysis, event.updated_at = Event.Analysis.PENDING, timezone.now()
    event.save(update_fields=["analysis", "updated_at"])
    get_queue(ANALYSIS_QUEUE).put(event.batch_id)
    tell("event.updated", event)
