"""Makes and updates the alerts of an event and their deliveries, in the transaction that writes the event.

Each rule that matches makes one alert per key and cool-down window. When an event is judged again, its alerts are
updated, and only rules that had not matched before make new ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone

from events.alerting.matching import EventFacts, LabelSummary, facts_of, matching_label, mismatches
from events.models import Alert, AlertRule, CoolDown, Event, Track
from events.notifications import deliveries
from events.serializers import alert_data
from events.severity import rank
from hsi.db import sql
from hsi.outbox.messages import CameraId, Message

# A window that began this much later than its event was created shows that the clock was set back since.
CLOCK_SLACK = timedelta(seconds=60)
# One visitor who stays is one alert for so many events, about two hours.
CONTINUED_EVENTS = 12


def evaluate(event: Event, labels: Sequence[LabelSummary], tracks: Sequence[Track], *, is_new: bool) -> list[Message]:
    """Make and update the alerts of `event`, whose lock the caller holds. Return the messages to publish.

    1. Find the alerts that the event has, and the other rules that match it. Without rules this is one query of an
       empty index.
    2. Update each alert that the judgement changes.
    3. Make an alert for each matching rule, unless a cool-down holds it back or the camera is snoozed. An event that
       continues another one makes no alert where the earlier one had one, unless its level is higher.
    """
    rules = {rule.pk: rule for rule in AlertRule.objects.filter(enabled=True).order_by("pk")}
    alerts = [] if is_new else list(Alert.objects.select_for_update().filter(event=event).order_by("pk"))
    facts = facts_of(event, labels, tracks)
    rules_with_alert = {alert.rule_id for alert in alerts}
    matching = [rule for pk, rule in rules.items() if pk not in rules_with_alert and not mismatches(rule, facts)]
    held_back_by: list[int | None] = []
    messages: list[Message] = []
    if alerts or matching:
        is_snoozed = Event.objects.filter(camera=event.camera_id, snooze_until__gt=timezone.now()).exists()
        changed = [
            alert for alert in alerts if event.analysis == Event.Analysis.DONE or alert.severity != event.risk_level
        ]
        messages = [_update(alert, event, is_snoozed=is_snoozed) for alert in changed]
        continued = _continued_alerts(event, matching)
        for rule in [] if is_snoozed else matching:
            if (earlier := continued.get(rule.pk)) and rank(earlier.severity) >= rank(event.risk_level or ""):
                held_back_by.append(earlier.pk)
                continue
            created = _create(rule, event, facts, is_new=is_new)
            if created is None:
                held_back_by.append(_holder(rule, event, facts))
            else:
                messages.append(created)
    if event.held_back_by != held_back_by:
        event.held_back_by = held_back_by
        event.save(update_fields=["held_back_by"])
    return messages


def _continued_alerts(event: Event, rules: Sequence[AlertRule]) -> dict[int | None, Alert]:
    """Return the newest alert of each rule in the events that `event` continues."""
    chain: list[Event] = []
    before = event.continues if rules else None
    while before is not None and len(chain) < CONTINUED_EVENTS:
        chain.append(before)
        before = before.continues
    alerts = Alert.objects.filter(event__in=chain, rule__in=rules).order_by("pk") if chain else []
    return {alert.rule_id: alert for alert in alerts}


def _update(alert: Alert, event: Event, *, is_snoozed: bool) -> Message:
    alert.severity, alert.updated_at = event.risk_level or alert.severity, timezone.now()
    alert.save(update_fields=["severity", "updated_at"])
    if alert.rule_id is not None:
        raise_window_level(alert.rule_id, alert.dedup_key, alert.window, rank(alert.severity))
    if not is_snoozed and alert.status != Alert.Status.DISMISSED:
        deliveries.put(alert, update=True)
    return Message("alert.updated", CameraId(alert.camera_id), alert_data(alert))


def _create(rule: AlertRule, event: Event, facts: EventFacts, *, is_new: bool) -> Message | None:
    """Make the alert and its deliveries. Return None when a cool-down holds it back."""
    severity = event.risk_level or Event.Level.LOW
    key = _dedup_key(rule, event, facts)
    window = open_window(rule, key, event.created_at, level=rank(severity), is_new=is_new)
    if window is None:
        return None
    alert = Alert.objects.create(
        event=event, rule=rule, camera_id=event.camera_id, dedup_key=key, window=window, severity=severity
    )
    deliveries.put(alert, update=False)
    return Message("alert.created", CameraId(alert.camera_id), alert_data(alert))


def _holder(rule: AlertRule, event: Event, facts: EventFacts) -> int | None:
    """Return the alert whose cool-down is open.

    An alert of another camera is not named, because not every user who sees the event may see that camera.
    """
    alerts = Alert.objects.filter(rule=rule, dedup_key=_dedup_key(rule, event, facts))
    alert = alerts.order_by("-window").first()
    return alert.pk if alert and alert.camera_id == event.camera_id else None


def _dedup_key(rule: AlertRule, event: Event, facts: EventFacts) -> str:
    summary = matching_label(rule, facts)
    return rule.dedup_key_for(event.camera_id, summary.label if summary else "")


def open_window(
    rule: AlertRule, dedup_key: str, created_at: datetime, *, level: int, is_new: bool = True
) -> int | None:
    """Open a cool-down window at the time the event was created, and return its number. None: another one is open.

    A `level` (rank) above the highest level of the open window opens the next one.

    One statement: a second process waits at the row until the first one's transaction ends, and then sees its result.
    An event that is not new existed before the window began, so that it cannot open a window in the past.
    """
    is_over = (
        created_at - timedelta(seconds=rule.cooldown_seconds) if rule.cooldown_seconds else created_at + CLOCK_SLACK
    )
    is_future = created_at + CLOCK_SLACK if is_new else datetime.max.replace(tzinfo=created_at.tzinfo)
    moments = {"at": created_at, "is_over": is_over, "is_future": is_future}
    table = CoolDown._meta.db_table
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (rule_id,dedup_key,started_at,number,level)"
            " VALUES (%(rule)s,%(key)s,%(at)s,1,%(level)s)"
            " ON CONFLICT (rule_id,dedup_key) DO UPDATE"
            f" SET started_at=excluded.started_at, number={table}.number+1, level=excluded.level"
            f" WHERE {table}.started_at<=%(is_over)s OR {table}.started_at>%(is_future)s OR {table}.level<%(level)s"
            " RETURNING number",
            {
                "rule": rule.pk,
                "key": dedup_key,
                "level": level,
                **{name: sql.prepared(CoolDown, "started_at", moment) for name, moment in moments.items()},
            },
        )
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def raise_window_level(rule_id: int, dedup_key: str, number: int, level: int) -> None:
    """Record that the alert of window `number` has risen to `level`, so that it holds back others of that level."""
    CoolDown.objects.filter(rule=rule_id, dedup_key=dedup_key, number=number, level__lt=level).update(level=level)
