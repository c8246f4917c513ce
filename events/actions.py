"""What a person does to events and alerts: review, feedback, trash, reanalysis, acknowledge and dismiss.

Every function stores the change, writes the audit entry and publishes the message in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from detection.models import Batch
from events.models import Alert, Event, EventFeedback
from events.pipeline import publish_event
from events.serializers import AlertData, EventData, EventDeletedData, alert_data, event_data
from hsi import audit
from hsi.errors import NotFoundError
from hsi.outbox import publish
from hsi.outbox.messages import CameraId, Message
from hsi.queues import ANALYSIS_QUEUE, dead_letters, get_queue


class ItemData(TypedDict):
    """The result for one event of a bulk call: the `status` and `code` of a single call. No code means success."""

    id: int
    status: int
    code: str


def review_event(event: Event, values: dict[str, Any]) -> EventData:
    """Change fields of a review: reviewed, notes, kept, snooze_until. Publish only a real change."""
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
        publish.publish(Message("event.updated", CameraId(event.camera_id), data))
    return data


def record_feedback(event: Event, verdict: str, comment: str) -> bool:
    """Store the current user's feedback, replacing any earlier one. Return False if nothing changed."""
    by, after = audit.acting_user(), {"verdict": verdict, "comment": comment}
    before = EventFeedback.objects.filter(event=event, by=by).values("verdict", "comment").first()
    if before == after:
        return False
    EventFeedback.objects.update_or_create(event=event, by=by, defaults={**after, "created_at": timezone.now()})
    audit.record("event_feedback", f"event {event.pk}", before=before, after=after)
    return True


def delete_event(event: Event) -> None:
    """Move an event to the trash, where it stays until it is restored or retention removes it."""
    now = timezone.now()
    if Event.objects.filter(pk=event.pk).update(deleted_at=now, updated_at=now):
        audit.record("event_deleted", f"event {event.pk}")
        data = EventDeletedData(id=event.pk, camera=event.camera_id, reason="deleted", merged_into=None)
        publish.publish(Message("event.deleted", CameraId(event.camera_id), data))


def restore_event(event: Event) -> None:
    """Take an event out of the trash."""
    event.deleted_at, event.updated_at = None, timezone.now()
    event.save(update_fields=["deleted_at", "updated_at"])
    audit.record("event_restored", f"event {event.pk}")
    publish.publish(Message("event.updated", CameraId(event.camera_id), event_data(event)))


def request_reanalysis(event: Event) -> None:
    """Queue the last batch of an event, so that the visit is judged again. The event keeps its score until then.

    Does nothing when a batch of it waits already.
    """
    newest_first = event.batches.order_by("-started_at", "-pk")
    dead = newest_first.filter(state=Batch.State.DEAD).first()
    if dead and dead_letters.retry(ANALYSIS_QUEUE, dead.pk, audit.acting_user()):
        event.refresh_from_db()
        return
    last = newest_first.first()
    if last is None or not Batch.objects.filter(pk=last.pk, state=Batch.State.ANALYSED).update(
        state=Batch.State.CLOSED, finished_at=None
    ):
        return
    event.analysis, event.updated_at = Event.Analysis.PENDING, timezone.now()
    event.save(update_fields=["analysis", "updated_at"])
    audit.record("event_reanalysed", f"event {event.pk}", before={"risk_score": event.risk_score})
    get_queue(ANALYSIS_QUEUE).put(last.pk)
    publish_event("event.updated", event)


def handle_alert(alert: Alert, status: Alert.Status, user: AbstractBaseUser | AnonymousUser) -> AlertData:
    """Acknowledge or dismiss an alert, whose row the caller has locked. Publish only a real change.

    Either status can be changed into the other. A dismissed alert sends no more notifications.
    """
    before = alert.status
    if before != status:
        alert.status, alert.handled_by, alert.updated_at = status, user.get_username(), timezone.now()
        alert.save(update_fields=["status", "handled_by", "updated_at"])
        audit.record(f"alert_{status.value}", f"alert {alert.pk}", before={"status": before}, after={"status": status})
        publish.publish(Message("alert.updated", CameraId(alert.camera_id), alert_data(alert)))
    return alert_data(alert)


def review_events(events: QuerySet[Event], ids: list[int], values: dict[str, Any]) -> list[ItemData]:
    """Review those of `ids` that are among `events`."""
    return _change_each(events, ids, lambda event: review_event(event, values), 200)


def delete_events(events: QuerySet[Event], ids: list[int]) -> list[ItemData]:
    """Move those of `ids` that are among `events` to the trash."""
    return _change_each(events, ids, delete_event, 204)


def recheck_items(events: QuerySet[Event], items: list[ItemData]) -> list[ItemData]:
    """Return stored results for a user who sees `events` now. Other events are reported as not found."""
    visible = set(events.filter(pk__in=[item["id"] for item in items]).values_list("pk", flat=True))
    return [item if item["id"] in visible else _not_found(item["id"]) for item in items]


def _change_each(
    events: QuerySet[Event], ids: list[int], change: Callable[[Event], Any], status: int
) -> list[ItemData]:
    """Apply `change` to each of `ids` that is among `events`, in one transaction. Rows are locked in order of id."""
    with transaction.atomic():
        rows = {event.pk: event for event in events.filter(pk__in=ids).order_by("pk").select_for_update()}
        for event in rows.values():
            change(event)
    return [{"id": pk, "status": status, "code": ""} if pk in rows else _not_found(pk) for pk in dict.fromkeys(ids)]


def _not_found(pk: int) -> ItemData:
    """The answer does not reveal whether the event is missing or hidden from this user."""
    return {"id": pk, "status": NotFoundError.status, "code": NotFoundError.code}
