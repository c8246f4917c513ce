"""From an event that was just written to its alerts and their deliveries, in the same transaction.

Each rule that matches makes one alert for a key and cool-down window. An event that is judged anew
updates the alerts it made, and makes others only of rules that had not matched before.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from events.alerting import cooldown, dedup
from events.alerting.matching import Facts, Sighting, facts_of, matching_sighting, mismatches, place_of
from events.alerting.serializers import AlertData, alert_data
from events.models import Alert, AlertRule, Event
from events.notifications import deliveries

Message = tuple[str, str, AlertData]


def evaluate(event: Event, sightings: Sequence[Sighting], *, is_new: bool) -> list[Message]:
    """Make and update alerts; the messages that tell them, for `stream.publish`. The caller holds the event's lock.

    Without rules this is one query of an empty index.
    """
    rules = {rule.pk: rule for rule in AlertRule.objects.filter(enabled=True).order_by("pk")}
    known = [] if is_new else list(Alert.objects.select_for_update().filter(event=event).order_by("pk"))
    if not rules and not known:
        _hold(event, [])
        return []
    facts = facts_of(event, sightings)
    told = {alert.rule_id for alert in known}
    matching = [rule for pk, rule in rules.items() if pk not in told and not mismatches(rule, facts)]
    if not known and not matching:
        _hold(event, [])
        return []
    quiet = is_snoozed(event.camera_id)
    messages = [_updated(alert, event, quiet) for alert in known if _follows(alert, event)]
    held_back_by: list[int | None] = []
    for rule in [] if quiet else matching:
        message, holder = _make(rule, event, facts, is_new)
        messages += [message] if message else []
        held_back_by += holder
    _hold(event, held_back_by)
    return messages


def _hold(event: Event, by: list[int | None]) -> None:
    """Note which alerts' cool-down keeps `event` from making one."""
    if event.held_back_by != by:
        event.held_back_by = by
        event.save(update_fields=["held_back_by"])


def is_snoozed(camera: str) -> bool:
    """Whether somebody wants no alarm of this camera now: an event of it is silent until a time to come."""
    return Event.objects.filter(camera=camera, snooze_until__gt=timezone.now()).exists()


def _make(rule: AlertRule, event: Event, facts: Facts, is_new: bool) -> tuple[Message | None, list[int | None]]:
    """The message of the alert that was made, or the alert whose cool-down held it back.

    An alert of another camera is not named: not everybody who sees the event may know of it.
    """
    seen = matching_sighting(rule, facts)
    values = {"camera": event.camera_id, "rule": str(rule.pk), "label": seen.label if seen else ""}
    dedup_key = dedup.key(rule.dedup_key, values)
    level = place_of(event.risk_level or Event.Level.LOW)
    window = cooldown.begin(rule, dedup_key, event.created_at, level=level, is_new=is_new)
    if window is None:
        holder = Alert.objects.filter(rule=rule, dedup_key=dedup_key).order_by("-window").first()
        return None, [holder.pk if holder and holder.camera_id == event.camera_id else None]
    alert = Alert.objects.create(
        event=event,
        rule=rule,
        camera_id=event.camera_id,
        dedup_key=dedup_key,
        window=window,
        severity=event.risk_level or Event.Level.LOW,
    )
    deliveries.put(alert, update=False)
    return ("alert.created", alert.camera_id, alert_data(alert)), []


def _follows(alert: Alert, event: Event) -> bool:
    """Whether there is something new to tell: the judgement, or another level than was told."""
    return event.analysis == Event.Analysis.DONE or alert.severity != event.risk_level


def _updated(alert: Alert, event: Event, quiet: bool) -> Message:
    alert.severity, alert.updated_at = event.risk_level or alert.severity, timezone.now()
    alert.save(update_fields=["severity", "updated_at"])
    if alert.rule_id is not None:
        cooldown.rise(alert.rule_id, alert.dedup_key, alert.window, place_of(alert.severity))
    if not quiet and alert.status != Alert.Status.DISMISSED:
        deliveries.put(alert, update=True)
    return "alert.updated", alert.camera_id, alert_data(alert)
