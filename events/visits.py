"""Visits: which batches of a camera are one event.

A visit is a chain of batches that follow each other within `BATCH_IDLE_TIMEOUT_SECONDS`, share a group of labels, and
last at most `VISIT_MAX_SECONDS` together. Times are capture times, so the order in which files arrive does not matter.
A batch that lies between two visits merges them. The oldest event survives, and the others become references to it.

Passers-by on the street are no visitors: their batches form a digest of at most a quarter of an hour.

`find` and `attach` run under the lock of the camera, so only one batch of a camera changes visits at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from cameras.models import Camera
from detection.detectors.labels import group_of
from detection.models import Batch, Detection
from detection.relevance.static_memory import WEAPON
from events.analyzers.situation import most_protected
from events.habits import zones_by_id
from events.models import Alert, Event, EventBatch, EventFeedback
from events.serializers import EventDeletedData, alert_data, event_data
from hsi import failpoints
from hsi.db import clock, sql
from hsi.outbox import publish
from hsi.outbox.messages import CameraId, Message

WAITING = (Batch.State.OPEN, Batch.State.CLOSED)
END_AT_ONCE = 100
# An event that ended at most this many idle times before another one may show the same visitor.
CONTINUES_WITHIN = 2
DIGEST_TIME = timedelta(minutes=15)
STREET = Camera.Place.STREET


@dataclass(frozen=True, slots=True)
class Visit:
    """A batch, and what belongs to the same visit.

    `batches` are all batches, by start, and `events` the events so far, the surviving one first. Without events the
    visit is new, and `continues` is the event before it, if that may show the same visitor. `is_digest`: of passers-by.
    """

    batch: Batch
    batches: tuple[Batch, ...]
    events: tuple[Event, ...]
    continues: Event | None = None
    is_digest: bool = False

    @property
    def event(self) -> Event | None:
        return self.events[0] if self.events else None

    @property
    def started_at(self) -> datetime:
        return min(batch.started_at for batch in self.batches)

    @property
    def ended_at(self) -> datetime:
        return max(batch.ended_at for batch in self.batches)

    @property
    def detections(self) -> QuerySet[Detection]:
        """Return the detections of all batches in the order of time."""
        return Detection.objects.filter(batch__in=self.batches).order_by("captured_at", "id")

    @property
    def detection_count(self) -> int:
        return sum(batch.detection_count for batch in self.batches)

    @property
    def waits_for_others(self) -> bool:
        """Return whether another batch of the visit will be judged later."""
        return any(batch.state in WAITING for batch in self.batches if batch.pk != self.batch.pk)

    def is_over(self, now: datetime) -> bool:
        """Return whether no batch is open, and nothing was seen for the idle time, or the digest is complete."""
        is_open = any(batch.state == Batch.State.OPEN for batch in self.batches)
        quiet_time = DIGEST_TIME if self.is_digest else idle_time()
        return not is_open and now - self.ended_at >= quiet_time


def idle_time() -> timedelta:
    return timedelta(seconds=settings.BATCH_IDLE_TIMEOUT_SECONDS)


def lock(camera_id: str) -> None:
    """Lock the camera, so that no other batch changes its visits until the end of the transaction."""
    sql.lock(Camera, camera_id)


def find(batch: Batch, *, for_update: bool = False) -> Visit:
    """Return the visit of a batch. With `for_update`, lock its events, so that no review is overwritten."""
    own = Event.with_trash.filter(batches=batch).first()
    if own is not None and own.deleted_at is not None:
        ids, continues, is_digest = [own.pk], None, own.is_digest
    else:
        is_digest = own.is_digest if own else is_passing_by(batch)
        ids, continues = _related(batch, own, is_digest=is_digest)
    rows = Event.with_trash.filter(pk__in=ids).order_by("pk")
    events = tuple(rows.select_for_update(no_key=True) if for_update else rows)
    batches = Batch.objects.filter(Q(pk=batch.pk) | Q(event_link__event__in=ids)).order_by("started_at", "pk")
    return Visit(batch, tuple(batches), events, continues, is_digest)


def is_passing_by(batch: Batch) -> bool:
    """Return whether everything in the batch was on the street, by the zones and the place of the camera."""
    if WEAPON in batch.pictures:
        return False
    zones = list(Detection.objects.filter(batch=batch).order_by().values_list("zones", flat=True).distinct())
    known = zones_by_id(batch.camera_id, {zone for ids in zones for zone in ids})
    grounds = {most_protected(known[zone].kind for zone in ids if zone in known) or batch.camera.place for ids in zones}
    return grounds == {STREET}


def _related(batch: Batch, own: Event | None, *, is_digest: bool) -> tuple[list[int], Event | None]:
    """Return the ids of the events that are one visit with the batch, and the event that a new one continues."""
    gap, longest = (
        (DIGEST_TIME, DIGEST_TIME) if is_digest else (idle_time(), timedelta(seconds=settings.VISIT_MAX_SECONDS))
    )
    first = min(batch.started_at, own.started_at) if own else batch.started_at
    last = max(batch.ended_at, own.ended_at) if own else batch.ended_at
    groups = set(batch.pictures) | (_groups(own) if own else set())
    near = Event.objects.filter(
        camera=batch.camera_id, started_at__lte=last + gap, ended_at__gte=first - CONTINUES_WITHIN * gap
    )
    ids = [own.pk] if own else []
    similar = [
        event
        for event in near.filter(is_digest=is_digest).exclude(pk__in=ids)
        if is_digest or not groups.isdisjoint(_groups(event))
    ]
    for event in sorted(similar, key=lambda event: (_distance(event, batch), event.pk)):
        start, end = min(first, event.started_at), max(last, event.ended_at)
        if _distance(event, batch) <= gap and end - start <= longest:
            ids.append(event.pk)
            first, last = start, end
    before = [event for event in similar if event.started_at <= batch.started_at]
    continues = max(before, key=lambda event: (event.ended_at, event.pk), default=None)
    return ids, None if ids or is_digest else continues


def _groups(event: Event) -> set[str]:
    return {group_of(label) for label in event.labels}


def _distance(event: Event, batch: Batch) -> timedelta:
    """Return the time between the event and the batch. It is 0 if they overlap."""
    return max(event.started_at - batch.ended_at, batch.started_at - event.ended_at, timedelta(0))


def attach(visit: Visit, event: Event) -> list[Message]:
    """Make the batch one of `event`, and merge the other events of the visit into it. Return the messages."""
    EventBatch.objects.get_or_create(batch=visit.batch, defaults={"event": event})
    return [message for other in visit.events[1:] for message in _merge(other, event)]


def absorb(event: Event, others: Iterable[Event]) -> None:
    """Keep in `event` what people did with the events that are merged into it. The caller saves it."""
    for other in others:
        event.created_at = min(event.created_at, other.created_at)
        event.reviewed = event.reviewed and other.reviewed
        event.kept = event.kept or other.kept
        event.is_fast_path = event.is_fast_path or other.is_fast_path
        event.exported_at = max(filter(None, (event.exported_at, other.exported_at)), default=None)
        event.snooze_until = max(filter(None, (event.snooze_until, other.snooze_until)), default=None)
        event.notes = "\n".join(filter(None, (event.notes, other.notes)))
        event.continues_id = event.continues_id or (other.continues_id if other.continues_id != event.pk else None)


def _merge(other: Event, event: Event) -> list[Message]:
    """Move batches, judgements, feedback and alerts to `event`. An alert of a rule that has one there stays."""
    EventBatch.objects.filter(event=other).update(event=event)
    other.tracks.all().delete()
    other.judgements.update(event=event)
    other.feedback.exclude(by__in=EventFeedback.objects.filter(event=event).values("by")).update(event=event)
    Event.with_trash.filter(continues=other).exclude(pk=event.pk).update(continues=event)
    Event.with_trash.filter(merged_into=other).update(merged_into=event)
    rules = Alert.objects.filter(event=event, rule__isnull=False).values_list("rule", flat=True)
    moved = list(Alert.objects.filter(event=other).exclude(rule__in=list(rules)).order_by("pk"))
    for alert in moved:
        alert.event = event
        alert.save(update_fields=["event"])
    now = timezone.now()
    Event.with_trash.filter(pk=other.pk).update(merged_into=event, continues=None, deleted_at=now, updated_at=now)
    camera = CameraId(event.camera_id)
    data = EventDeletedData(id=other.pk, camera=event.camera_id, reason="merged", merged_into=event.pk)
    alerts = [Message("alert.updated", camera, alert_data(alert)) for alert in moved]
    return [*alerts, Message("event.deleted", camera, data)]


def end_due(now: datetime | None = None) -> int:
    """End the visits in which nothing was seen for the idle time, each in its own transaction. Return their number."""
    now = now or clock.now()
    due = due_to_end(now)
    ended = 0
    for pk, camera_id in due.values_list("pk", "camera_id")[:END_AT_ONCE]:
        with transaction.atomic():
            failpoints.reach_after_commit("visit-ended")
            lock(camera_id)
            event = due.select_for_update(no_key=True, of=("self",)).filter(pk=pk).first()
            if event is not None:
                event.ended, event.updated_at = True, timezone.now()
                event.save(update_fields=["ended", "updated_at"])
                publish.publish(Message("event.updated", CameraId(camera_id), event_data(event)))
                ended += 1
    return ended


def due_to_end(now: datetime) -> QuerySet[Event]:
    """Return the events without news for the idle time, unless an open batch may still extend them.

    The clock of a camera may be ahead, so an event that did not change for the longest visit is over, too.
    """
    gap = idle_time()
    unchanged_since = now - gap - timedelta(seconds=settings.VISIT_MAX_SECONDS)
    extending = Batch.objects.open().filter(camera=OuterRef("camera"), started_at__lte=OuterRef("ended_at") + gap)
    quiet = Q(ended_at__lte=now - gap, is_digest=False) | Q(ended_at__lte=now - DIGEST_TIME)
    quiet |= Q(updated_at__lte=unchanged_since - DIGEST_TIME)
    return Event.objects.filter(quiet, ended=False).exclude(Exists(extending)).order_by("ended_at")
