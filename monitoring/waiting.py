"""How much waits, by state. Each count reads a partial index or a short table."""

from __future__ import annotations

from cameras.models import Upload
from detection.models import Batch
from events.models import Delivery, Event
from hsi.models import DeadLetter


def waiting() -> dict[str, int]:
    State = Batch.State  # noqa: N806
    pending = Event.with_trash.filter(analysis=Event.Analysis.PENDING)
    return {
        "uploads": Upload.objects.waiting().count(),
        "batches_open": Batch.objects.open().count(),
        "batches_waiting": Batch.objects.filter(state=State.CLOSED).count(),
        # An event is pending while its batch is open or closed: through the batches nothing else is read.
        "events_pending": sum(pending.filter(batch__state=state).count() for state in (State.OPEN, State.CLOSED)),
        "deliveries": Delivery.objects.filter(due_at__isnull=False).count(),
        "dead_letters": DeadLetter.objects.filter(state=DeadLetter.State.OPEN).count(),
    }
