"""The trash: a deleted event is shown nowhere, and can be restored until retention takes it with its pictures."""

from __future__ import annotations

from django.utils import timezone

from events.models import Event
from events.serializers import event_data
from hsi import audit
from hsi.outbox import publish


def delete(event: Event) -> None:
    """Put an event into the trash and tell it, in the caller's transaction. One that is there already stays so."""
    now = timezone.now()
    changed = Event.objects.filter(pk=event.pk).update(deleted_at=now, updated_at=now)
    if changed:
        told = {"id": event.pk, "camera": event.camera_id, "reason": "deleted"}
        audit.record("event_deleted", f"event {event.pk}")
        publish.publish(("event.deleted", event.camera_id, told))


def restore(event: Event) -> None:
    """Take an event out of the trash and tell it, in the caller's transaction."""
    event.deleted_at, event.updated_at = None, timezone.now()
    event.save(update_fields=["deleted_at", "updated_at"])
    audit.record("event_restored", f"event {event.pk}")
    publish.publish(("event.updated", event.camera_id, event_data(event)))
