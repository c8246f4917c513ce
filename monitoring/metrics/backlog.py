"""Numbers of waiting rows by kind. Each count reads a partial index or a short table."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from cameras.access import only_visible, sees_all
from cameras.models import Upload
from detection.models import Batch
from events.models import Delivery, Event
from hsi.models import DeadLetter
from hsi.queues import DETECTION_QUEUE
from hsi.security.roles import Person

M = TypeVar("M", bound=Model)


def waiting(reader: Person | None = None) -> dict[str, int]:
    """Count the waiting rows of the cameras that `reader` may see (None: all), because counts reveal activity."""
    State = Batch.State  # noqa: N806
    batches = _seen(Batch.objects.all(), reader)
    pending = _seen(Event.with_trash.filter(analysis=Event.Analysis.PENDING, merged_into=None), reader)
    return {
        "uploads": _seen(Upload.objects.waiting(), reader).count(),
        "batches_open": batches.filter(state=State.OPEN).count(),
        "batches_waiting": batches.filter(state=State.CLOSED).count(),
        # A pending event has an open or closed batch, so the query starts at the batches.
        "events_pending": pending.filter(batches__state__in=(State.OPEN, State.CLOSED)).distinct().count(),
        "deliveries": _seen(Delivery.objects.filter(due_at__isnull=False), reader, "alert__camera").count(),
        "dead_letters": _letters(reader).filter(state=DeadLetter.State.OPEN).count(),
    }


def _seen(rows: QuerySet[M], reader: Person | None, field: str = "camera") -> QuerySet[M]:
    return rows if reader is None else only_visible(rows, reader, field)


def _letters(reader: Person | None) -> QuerySet[DeadLetter]:
    """Count open dead letters. The row is an upload in the detection queue, and a batch in the other queues."""
    if reader is None or sees_all(reader):
        return DeadLetter.objects.all()
    uploads = only_visible(Upload.objects.filter(pk=OuterRef("row_id")), reader)
    batches = only_visible(Batch.objects.filter(pk=OuterRef("row_id")), reader)
    return DeadLetter.objects.filter(
        Q(Exists(uploads), queue=DETECTION_QUEUE) | Q(Exists(batches)) & ~Q(queue=DETECTION_QUEUE)
    )
