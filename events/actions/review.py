"""What a person says about an event: reviewed, notes, kept, silent until."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from events.models import Event
from events.serializers import EventData, event_data
from hsi import audit
from hsi.outbox import publish


def change(event: Event, values: dict[str, Any]) -> EventData:
    """Store a person's review and tell it, in the caller's transaction. Nothing is told where nothing changed."""
    changed = [name for name, value in values.items() if getattr(event, name) != value]
    before = {name: getattr(event, name) for name in changed}
    for name in changed:
        setattr(event, name, values[name])
    if changed:
        event.updated_at = timezone.now()
        event.save(update_fields=[*changed, "updated_at"])
        after = {name: values[name] for name in changed}
        audit.record("event_reviewed", f"event {event.pk}", before=before, after=after)
    data = event_data(event)
    if changed:
        publish.publish(("event.updated", event.camera_id, data))
    return data
