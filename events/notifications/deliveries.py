"""The deliveries that wait: written with their alert, claimed with a lease, finished by whoever holds it.

Times are the database's clock, as in `hsi.queues.database`. Every change of a claimed row asks for the lease
it was claimed with, so that an answer that comes late changes nothing.
"""

from __future__ import annotations

import secrets
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
from hsi.db.clock import NOW
from hsi.logs.redaction import redact
from hsi.outbox.wakeup import WakeUp

TABLE = Delivery._meta.db_table
LONGEST_ERROR = 300

CHANNEL = "notifications"
MESSAGE = "deliveries.due"


async def _send_message(layer: BaseChannelLayer) -> None:
    await layer.send(CHANNEL, {"type": MESSAGE})


# Wakes the notifier of this process, and those of others over the channel.
hint = WakeUp(_send_message)


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery in hand. `attempts` counts this one."""

    delivery_id: int
    lease: str
    attempts: int


def put(alert: Alert, *, update: bool) -> None:
    """Write the deliveries of an alert that was made (or, with `update`, judged anew), in the caller's transaction.

    A channel that was told of the alert gets the update, whatever its severity is now, if it has anything new to say;
    one that was not gets its first telling if it is severe enough now. Where the first is still to be sent, it tells
    all there is.
    """
    if not settings.NOTIFICATION_ENABLED or alert.rule_id is None:
        return
    channels = list(NotificationChannel.objects.filter(rules=alert.rule_id, enabled=True).order_by("pk"))
    if not channels:
        return
    tellings = _tellings(alert) if update else {}
    stages = [(channel, _stage(alert, channel, tellings)) for channel in channels]
    _write([Delivery(alert=alert, channel=channel, stage=stage) for channel, stage in stages if stage])


def _tellings(alert: Alert) -> dict[tuple[int, str], Delivery]:
    """By channel and stage, locked: none is claimed, or finished, until this transaction is over."""
    rows = Delivery.objects.select_for_update().filter(alert=alert)
    return {(delivery.channel_id, delivery.stage): delivery for delivery in rows.order_by("pk")}


def _stage(alert: Alert, channel: NotificationChannel, tellings: dict[tuple[int, str], Delivery]) -> str:
    """What this channel is to be told now; empty for nothing."""
    first = tellings.get((channel.pk, Delivery.Stage.FIRST))
    update = tellings.get((channel.pk, Delivery.Stage.UPDATE))
    if first is None:
        return Delivery.Stage.FIRST if is_at_least(alert.severity, channel.min_severity) else ""
    if first.state in Delivery.WAITING and not first.lease and not first.reached:
        return ""
    is_over = first.state not in Delivery.WAITING and (update is None or update.state not in Delivery.WAITING)
    if is_over and last_content(first, update) == content_of(alert.event):
        return ""
    return Delivery.Stage.UPDATE


def _write(deliveries: list[Delivery]) -> None:
    """Insert; a delivery that is there already waits anew, and whoever has it in hand has lost it."""
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
    transaction.on_commit(hint.notify)


def _now() -> float:
    database = connections[DEFAULT_DB_ALIAS]
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {NOW[database.vendor]}")
        return float(cursor.fetchone()[0])


def claim(limit: int) -> list[Claim]:
    """Take up to `limit` due deliveries, the longest due first, for `JOB_LEASE_SECONDS`.

    An update waits for the first telling of its alert to the same channel: sent, or given up.
    """
    database = connections[DEFAULT_DB_ALIAS]
    now = NOW[database.vendor]
    lock = " FOR UPDATE SKIP LOCKED" if database.vendor == "postgresql" else ""
    lease = secrets.token_hex(16)
    with database.cursor() as cursor:
        cursor.execute(
            f"UPDATE {TABLE} SET lease=%(lease)s, attempts=attempts+1, due_at={now}+%(seconds)s WHERE id IN"
            f" (SELECT id FROM {TABLE} AS due WHERE due_at<={now} AND (stage='first' OR NOT EXISTS"
            f" (SELECT 1 FROM {TABLE} AS first WHERE first.alert_id=due.alert_id"
            " AND first.channel_id=due.channel_id AND first.stage='first' AND first.due_at IS NOT NULL))"
            f" ORDER BY due_at,id LIMIT %(limit)s{lock}) RETURNING id,attempts",
            {"lease": lease, "seconds": settings.JOB_LEASE_SECONDS, "limit": limit},
        )
        return [Claim(identity, lease, attempts) for identity, attempts in sorted(cursor.fetchall())]


def extend(claims: list[Claim]) -> None:
    """Keep what is in hand for another `JOB_LEASE_SECONDS`."""
    database = connections[DEFAULT_DB_ALIAS]
    with database.cursor() as cursor:
        for one in claims:
            cursor.execute(
                f"UPDATE {TABLE} SET due_at={NOW[database.vendor]}+%s WHERE id=%s AND lease=%s",
                [settings.JOB_LEASE_SECONDS, one.delivery_id, one.lease],
            )


def is_news(delivery: Delivery) -> bool:
    """Whether `delivery` tells its channel anything that it was not told before."""
    if delivery.stage == Delivery.Stage.FIRST or delivery.reached:
        return True
    same = Delivery.objects.filter(alert=delivery.alert_id, channel=delivery.channel_id, stage=Delivery.Stage.FIRST)
    return last_content(same.first(), delivery) != content_of(delivery.alert.event)


def sent(one: Claim, told: dict[str, Any]) -> bool:
    """It has arrived, and said `told`. False: the lease was lost, and somebody else sends it again."""
    return _finish(one, state=Delivery.State.SENT, sent_at=timezone.now(), due_at=None, last_error="", told=told)


def withdraw(one: Claim) -> bool:
    """There is nothing to tell after all: an update that was sent before stays sent, another one goes."""
    rows = Delivery.objects.filter(pk=one.delivery_id, lease=one.lease)
    if rows.filter(sent_at__isnull=False).update(state=Delivery.State.SENT, due_at=None, lease="", last_error=""):
        return True
    return bool(rows.delete()[0])


def dead(one: Claim, reason: str) -> bool:
    """It is given up."""
    return _finish(one, state=Delivery.State.DEAD, due_at=None, last_error=redact(reason)[:LONGEST_ERROR])


def failed(one: Claim, reason: str, delay_seconds: float) -> bool:
    """It did not arrive, and is tried again after `delay_seconds`."""
    due_at = _now() + delay_seconds
    return _finish(one, state=Delivery.State.FAILED, due_at=due_at, last_error=redact(reason)[:LONGEST_ERROR])


def reached(one: Claim, recipients: Sequence[str], told: dict[str, Any]) -> None:
    """It has arrived at these, and said `told`; the others are still to be told. The claim stays."""
    Delivery.objects.filter(pk=one.delivery_id, lease=one.lease).update(reached=list(recipients), told=told)


def give_back(one: Claim) -> bool:
    """It was not tried: another worker may have it at once."""
    return _finish(one, attempts=one.attempts - 1, due_at=_now())


def _finish(one: Claim, **values: object) -> bool:
    return bool(Delivery.objects.filter(pk=one.delivery_id, lease=one.lease).update(lease="", **values))


def send_again(delivery_id: int) -> bool:
    """Let a delivery that was given up wait anew, in the caller's transaction. False: it was not given up."""
    again = Delivery.objects.filter(pk=delivery_id, state=Delivery.State.DEAD).update(
        state=Delivery.State.PENDING, due_at=_now(), attempts=0
    )
    if again:
        audit.record("delivery_sent_again", f"delivery {delivery_id}")
        transaction.on_commit(hint.notify)
    return bool(again)


def seconds_to_next() -> float | None:
    """How long until a delivery is due (0: one is), leases included. None: none waits."""
    database = connections[DEFAULT_DB_ALIAS]
    with database.cursor() as cursor:
        cursor.execute(f"SELECT min(due_at)-{NOW[database.vendor]} FROM {TABLE} WHERE due_at IS NOT NULL")
        seconds = cursor.fetchone()[0]
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
    return (update.told if update else {}) or (first.told if first else {})
