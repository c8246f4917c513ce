"""Alert rules in the API: the response, and the validated request."""

from __future__ import annotations

from typing import Any, TypedDict

from django.core.exceptions import ValidationError as FormError
from rest_framework import serializers

from cameras.models import Camera, Zone, validate_time_zone
from events.alerting.schedule import DAYS
from events.models import AlertRule, Event, NotificationChannel
from events.models.alerts import LONGEST_COOLDOWN_SECONDS, LONGEST_STAY_SECONDS, MOST_PEOPLE, validate_template
from hsi.api.filters import BIGGEST_ID
from hsi.api.inputs import FractionField, Input

MOST_NAMES = 100


class ScheduleData(TypedDict):
    """The schedule of a rule. Without days it applies every day. An end that is not later is on the next day."""

    days: list[str]
    start: str
    end: str
    timezone: str


class AlertRuleData(TypedDict):
    """Which events make an alert. An empty list is no condition. `severity` is the minimum level."""

    id: int
    name: str
    enabled: bool
    severity: str
    min_risk: int
    labels: list[str]
    cameras: list[str]
    zones: list[str]
    min_confidence: float
    min_stay_seconds: int
    crossing: str
    min_people: int
    schedule: ScheduleData | None
    cooldown_seconds: int
    dedup_key: str
    channels: list[int]


def rule_data(rule: AlertRule) -> AlertRuleData:
    """Return the rule. Prefetch `rule.channels`."""
    return {
        "id": rule.pk,
        "name": rule.name,
        "enabled": rule.enabled,
        "severity": rule.severity,
        "min_risk": rule.min_risk,
        "labels": rule.labels,
        "cameras": rule.cameras,
        "zones": rule.zones,
        "min_confidence": rule.min_confidence,
        "min_stay_seconds": rule.min_stay_seconds,
        "crossing": rule.crossing,
        "min_people": rule.min_people,
        "schedule": schedule_data(rule),
        "cooldown_seconds": rule.cooldown_seconds,
        "dedup_key": rule.dedup_key,
        "channels": sorted(channel.pk for channel in rule.channels.all()),
    }


def schedule_data(rule: AlertRule) -> ScheduleData | None:
    if rule.schedule_start is None or rule.schedule_end is None:
        return None
    return {
        "days": rule.schedule_days,
        "start": rule.schedule_start.strftime("%H:%M"),
        "end": rule.schedule_end.strftime("%H:%M"),
        "timezone": rule.schedule_timezone,
    }


class NameListField(serializers.ListField):
    """A list of short texts."""

    def __init__(self, **options: Any) -> None:
        super().__init__(child=serializers.CharField(max_length=64), max_length=MOST_NAMES, required=False, **options)


class ScheduleRequestSerializer(Input):
    days = serializers.ListField(child=serializers.ChoiceField(DAYS), max_length=7, required=False)
    start = serializers.TimeField(format="%H:%M", input_formats=["%H:%M"])
    end = serializers.TimeField(format="%H:%M", input_formats=["%H:%M"])
    timezone = serializers.CharField(
        max_length=64,
        required=False,
        allow_blank=True,
        validators=[validate_time_zone],
        help_text="Time zone. Empty: the time zone of the site.",
    )


class AlertRuleRequestSerializer(Input):
    name = serializers.CharField(max_length=120)
    enabled = serializers.BooleanField(required=False)
    severity = serializers.ChoiceField(Event.Level.choices, required=False)
    min_risk = serializers.IntegerField(min_value=0, max_value=100, required=False)
    labels = NameListField()
    cameras = NameListField()
    zones = NameListField()
    min_confidence = FractionField(required=False)
    min_stay_seconds = serializers.IntegerField(min_value=0, max_value=LONGEST_STAY_SECONDS, required=False)
    crossing = serializers.ChoiceField(AlertRule.Crossing.choices, required=False)
    min_people = serializers.IntegerField(min_value=0, max_value=MOST_PEOPLE, required=False)
    schedule = ScheduleRequestSerializer(required=False, allow_null=True)
    cooldown_seconds = serializers.IntegerField(min_value=0, max_value=LONGEST_COOLDOWN_SECONDS, required=False)
    dedup_key = serializers.CharField(max_length=100, required=False, validators=[validate_template])
    channels = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=BIGGEST_ID), max_length=MOST_NAMES, required=False
    )

    def validate_cameras(self, ids: list[str]) -> list[str]:
        return _require_all(ids, set(Camera.objects.filter(pk__in=ids).values_list("pk", flat=True)), "camera")

    def validate_zones(self, ids: list[str]) -> list[str]:
        return _require_all(ids, set(Zone.objects.filter(pk__in=ids).values_list("pk", flat=True)), "zone")

    def validate_channels(self, ids: list[int]) -> list[int]:
        existing = set(NotificationChannel.objects.filter(pk__in=ids).values_list("pk", flat=True))
        return _require_all(ids, existing, "notification channel")


def store(rule: AlertRule, values: dict[str, Any]) -> None:
    """Store validated values in `rule`, in the caller's transaction. Raises `ValidationError`."""
    channels = values.pop("channels", None)
    if "schedule" in values:
        values |= _schedule_columns(values.pop("schedule"))
    for name, value in values.items():
        setattr(rule, name, value)
    try:
        rule.full_clean()
    except FormError as error:
        raise serializers.ValidationError(error.message_dict) from error
    rule.save()
    if channels is not None:
        rule.channels.set(channels)


def _require_all(ids: list[Any], existing: set[Any], what: str) -> list[Any]:
    if missing := [identity for identity in ids if identity not in existing]:
        raise serializers.ValidationError(f"There is no {what} {', '.join(map(str, missing))}.")
    return list(dict.fromkeys(ids))


def _schedule_columns(schedule: dict[str, Any] | None) -> dict[str, Any]:
    schedule = schedule or {"start": None, "end": None}
    return {
        "schedule_days": list(dict.fromkeys(schedule.get("days", []))),
        "schedule_start": schedule["start"],
        "schedule_end": schedule["end"],
        "schedule_timezone": schedule.get("timezone", ""),
    }
