"""The deliveries of alerts: written with their alert, claimed with a lease, and finished by the worker that holds it.

A delivery is claimed as a job of the database queue is (`hsi.db.lease`). It is not a job itself, because an update must
wait for the first delivery of the same alert and channel, and the row remains as the record of what was sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from channels.layers import BaseChannelLayer
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.utils import timezone

from events.models import Alert, Delivery, Event, NotificationChannel
from events.severity import is_at_least
from hsi import audit
from hsi.db import lease
from hsi.db.clock import NOW
from hsi.db.sql import execute
from hsi.logs.redaction import redact
from hsi.outbox.wakeup import WakeUp

TABLE = Delivery._meta.db_table
LONGEST_ERROR = 300
CHANNEL = "notifications"
MESSAGE = "deliveries.due"
# An update is due when the first delivery of its alert to the same channel is finished.
CLAIMABLE = (
    f"(stage='first' OR NOT EXISTS (SELECT 1 FROM {TABLE} AS first WHERE first.alert_id=due.alert_id"
    " AND first.channel_id=due.channel_id AND first.stage='first' AND first.due_at IS NOT NULL))"
)


async def _send_message(layer: BaseChannelLayer) -> None:
    await layer.send(CHANNEL, {"type": MESSAGE})


# Wakes the notifier of this process, and those of other processes through the channel.
wakeup = WakeUp(_send_message)


@dataclass(frozen=True, slots=True)
class DeliveryLease:
    """A claimed delivery. `attempts` includes the current one."""

    delivery_id: int
    lease: str
    attempts: int


def put(alert: Alert, *, update: bool) -> None:
    """Write the deliveries of a new alert, or with `update` of one that was judged again. Part of the transaction.

    A channel that has the alert gets an update if its content changed, regardless of the severity now. A channel that
    does not have it gets the first delivery if the alert is severe enough now. A first delivery that is still waiting
    sends the current content anyway.
    """
    if not settings.NOTIFICATION_ENABLED or alert.rule_id is None:
        return
    channels = list(NotificationChannel.objects.filter(rules=alert.rule_id, enabled=True).order_by("pk"))
    if not channels:
        return
    existing = _lock_deliveries(alert) if update else {}
    stages = [(channel, _next_stage(alert, channel, existing)) for channel in channels]
    _write([Delivery(alert=alert, channel=channel, stage=stage) for channel, stage in stages if stage])


def _lock_deliveries(alert: Alert) -> dict[tuple[int, str], Delivery]:
    """Return the deliveries by channel and stage. The lock keeps workers from claiming or finishing them."""
    rows = Delivery.objects.select_for_update().filter(alert=alert)
    return {(delivery.channel_id, delivery.stage): delivery for delivery in rows.order_by("pk")}


def _next_stage(alert: Alert, channel: NotificationChannel, existing: dict[tuple[int, str], Delivery]) -> str:
    """Return the stage to deliver to this channel now, or an empty string."""
    first = existing.get((channel.pk, Delivery.Stage.FIRST))
    update = existing.get((channel.pk, Delivery.Stage.UPDATE))
    if first is None:
        return Delivery.Stage.FIRST if is_at_least(alert.severity, channel.min_severity) else ""
    if first.state in Delivery.WAITING and not first.lease and not first.reached:
        return ""
    is_finished = first.state not in Delivery.WAITING and (update is None or update.state not in Delivery.WAITING)
    if is_finished and last_content(first, update) == content_of(alert.event):
        return ""
    return Delivery.Stage.UPDATE


def _write(deliveries: list[Delivery]) -> None:
    """Insert the deliveries. An existing one waits again, and a worker that holds it loses its lease."""
    if not deliveries:
        return
    now = _now()
    for delivery in deliveries:
        delivery.due_at = now
    Delivery.objects.bulk_create(
        deliveries,
        update_conflicts=True,
        unique_fields=["channel", "alert", "stage"],
        update_fields=["state", "attempts", "last_error", "due_at", "lease", "reached"],
    )
    transaction.on_commit(wakeup.notify)


def _now() -> float:
    """Return the time by the clock of the database."""
    return float(execute(f"SELECT {NOW[connections[DEFAULT_DB_ALIAS].vendor]}", ()).fetchone()[0])


def claim(limit: int) -> list[DeliveryLease]:
    """Claim up to `limit` due deliveries for `JOB_LEASE_SECONDS`, those due longest first."""
    name, rows = lease.claim(
        TABLE, CLAIMABLE, {}, limit=limit, lease_seconds=settings.JOB_LEASE_SECONDS, returning="id,attempts"
    )
    return [DeliveryLease(identity, name, attempts) for identity, attempts in rows]


def extend(claims: list[DeliveryLease]) -> None:
    """Keep claimed deliveries for another `JOB_LEASE_SECONDS`."""
    now = NOW[connections[DEFAULT_DB_ALIAS].vendor]
    for claimed in claims:
        execute(
            f"UPDATE {TABLE} SET due_at={now}+%(seconds)s WHERE id=%(id)s AND lease=%(lease)s",
            {"seconds": settings.JOB_LEASE_SECONDS, "id": claimed.delivery_id, "lease": claimed.lease},
        )


def has_new_content(delivery: Delivery) -> bool:
    """Whether `delivery` says anything that its channel did not get before."""
    if delivery.stage == Delivery.Stage.FIRST or delivery.reached:
        return True
    first = Delivery.objects.filter(alert=delivery.alert_id, channel=delivery.channel_id, stage=Delivery.Stage.FIRST)
    return last_content(first.first(), delivery) != content_of(delivery.alert.event)


def mark_sent(claimed: DeliveryLease, content: dict[str, Any]) -> bool:
    """Record that the delivery arrived with `content`. Return False if the lease was lost and it is sent again."""
    return _finish(
        claimed, state=Delivery.State.SENT, sent_at=timezone.now(), due_at=None, last_error="", sent_content=content
    )


def withdraw(claimed: DeliveryLease) -> bool:
    """Finish an update that has nothing new to say. One that was sent before stays sent, another one is deleted."""
    rows = Delivery.objects.filter(pk=claimed.delivery_id, lease=claimed.lease)
    if rows.filter(sent_at__isnull=False).update(state=Delivery.State.SENT, due_at=None, lease="", last_error=""):
        return True
    return bool(rows.delete()[0])


def mark_dead(claimed: DeliveryLease, reason: str) -> bool:
    """Give the delivery up."""
    return _finish(claimed, state=Delivery.State.DEAD, due_at=None, last_error=redact(reason)[:LONGEST_ERROR])


def mark_failed(claimed: DeliveryLease, reason: str, delay_seconds: float) -> bool:
    """Record a failed attempt. The next one is due after `delay_seconds`."""
    due_at = _now() + delay_seconds
    return _finish(claimed, state=Delivery.State.FAILED, due_at=due_at, last_error=redact(reason)[:LONGEST_ERROR])


def mark_reached(claimed: DeliveryLease, recipients: Sequence[str], content: dict[str, Any]) -> None:
    """Record that some recipients have `content`, so that later attempts go to the others. The lease is kept."""
    rows = Delivery.objects.filter(pk=claimed.delivery_id, lease=claimed.lease)
    rows.update(reached=list(recipients), sent_content=content)


def _finish(claimed: DeliveryLease, **values: object) -> bool:
    return bool(Delivery.objects.filter(pk=claimed.delivery_id, lease=claimed.lease).update(lease="", **values))


def send_again(delivery_id: int) -> bool:
    """Let a dead delivery wait again, in the caller's transaction. Return False if it was not dead."""
    is_dead = Delivery.objects.filter(pk=delivery_id, state=Delivery.State.DEAD)
    if not is_dead.update(state=Delivery.State.PENDING, due_at=_now(), attempts=0):
        return False
    audit.record("delivery_sent_again", f"delivery {delivery_id}")
    transaction.on_commit(wakeup.notify)
    return True


def seconds_to_next() -> float | None:
    """Return the seconds until a delivery is due or a lease ends. 0 means now, None that none is waiting."""
    now = NOW[connections[DEFAULT_DB_ALIAS].vendor]
    seconds = execute(f"SELECT min(due_at)-{now} FROM {TABLE} WHERE due_at IS NOT NULL", ()).fetchone()[0]
    return None if seconds is None else max(0.0, float(seconds))


def content_of(event: Event) -> dict[str, Any]:
    """Return what a notification about `event` says now: score, level and text."""
    return {
        "risk_score": event.risk_score,
        "risk_level": event.risk_level,
        "summary": event.summary,
        "recommended_action": event.recommended_action,
    }


def last_content(first: Delivery | None, update: Delivery | None) -> dict[str, Any]:
    """Return what the deliveries of one alert last said to a channel. Empty when nothing was sent."""
    return (update.sent_content if update else {}) or (first.sent_content if first else {})
