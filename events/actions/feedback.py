"""What a person says about a verdict: right, a false alarm, something missed, or the wrong severity."""

from __future__ import annotations

from django.utils import timezone

from events.models import Event, EventFeedback
from hsi import audit


def give(event: Event, verdict: str, comment: str) -> bool:
    """Keep whoever acts' word on `event`, in place of an earlier one, in the caller's transaction. False: no change."""
    by, after = audit.acting_user(), {"verdict": verdict, "comment": comment}
    mine = EventFeedback.objects.filter(event=event, by=by)
    before = mine.values("verdict", "comment").first()
    if before == after:
        return False
    EventFeedback.objects.update_or_create(event=event, by=by, defaults={**after, "at": timezone.now()})
    audit.record("event_feedback", f"event {event.pk}", before=before, after=after)
    return True
