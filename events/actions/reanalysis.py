"""An event is judged again because a person asks for it."""

from __future__ import annotations

from django.utils import timezone

from detection.models import Batch
from events.models import Event
from events.pipeline import tell
from hsi import audit
from hsi.queues import ANALYSIS_QUEUE, dead_letters, get_queue


def ask(event: Event) -> None:
    """Let the event's batch wait for a judgement, in the caller's transaction. Its score stays until then.

    Where it waits already nothing changes.
    """
    if dead_letters.retry(ANALYSIS_QUEUE, event.batch_id, audit.acting_user()):
        event.refresh_from_db()
        return
    batches = Batch.objects.filter(pk=event.batch_id, state=Batch.State.ANALYSED)
    if not batches.update(state=Batch.State.CLOSED, finished_at=None):
        return
    event.analysis, event.updated_at = Event.Analysis.PENDING, timezone.now()
    event.save(update_fields=["analysis", "updated_at"])
    audit.record("event_reanalysed", f"event {event.pk}", before={"risk_score": event.risk_score})
    get_queue(ANALYSIS_QUEUE).put(event.batch_id)
    tell("event.updated", event)
