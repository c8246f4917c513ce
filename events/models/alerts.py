"""Alert rules, their cool-down windows, and alerts."""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from cameras.models import Camera, validate_time_zone
from events.models.event import Event

LONGEST_COOLDOWN_SECONDS = 30 * 86400
LONGEST_STAY_SECONDS = 3600
MOST_PEOPLE = 50
KEY_FIELDS = ("camera", "rule", "label")
LONGEST_KEY = 200
_FIELD = re.compile(r"\{(\w+)\}")


def validate_template(template: str) -> None:
    """Raise `ValidationError` when a template has braces around anything but one of `KEY_FIELDS`."""
    rest = _FIELD.sub("", template)
    unknown = set(_FIELD.findall(template)) - set(KEY_FIELDS)
    if not template.strip() or "{" in rest or "}" in rest or unknown or not template.isprintable():
        fields = ", ".join(f"{{{field}}}" for field in KEY_FIELDS)
        raise ValidationError(f"A key is a text in which only {fields} may stand in braces.")


class AlertRule(models.Model):
    """Which events make an alert (see `events.alerting.matching`). An empty list is no condition.

    `min_stay_seconds` and `crossing` must hold for one object of the event, which also has one of the labels.

    `cameras` are ids, even of deleted cameras: a rule whose cameras were deleted matches nothing instead of everything.
    The schedule is in force from `schedule_start` to `schedule_end` (exclusive), over midnight if the end is not later,
    on `schedule_days` (all if empty). A night belongs to the day on which it begins.
    """

    class Crossing(models.TextChoices):
        NONE = "none", "no condition"
        ENTERED = "entered", "entered a zone"
        LEFT = "left", "left a zone"

    name = models.CharField(max_length=120)
    enabled = models.BooleanField(default=True)
    severity = models.CharField(
        max_length=8, choices=Event.Level, default=Event.Level.LOW, help_text="Minimum level of the event."
    )
    min_risk = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(100)], help_text="Minimum score of the event, 0 to 100."
    )
    labels = models.JSONField(default=list, blank=True, help_text="Labels. One of them must be detected. Empty: any.")
    cameras = models.JSONField(default=list, blank=True, help_text="Ids of cameras. Empty: all.")
    zones = models.JSONField(
        default=list, blank=True, help_text="Ids of zones. The detection must be in one of them. Empty: everywhere."
    )
    min_confidence = models.FloatField(
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="Minimum confidence of the detection, 0 to 1.",
    )
    min_stay_seconds = models.PositiveIntegerField(
        default=0,
        validators=[MaxValueValidator(LONGEST_STAY_SECONDS)],
        help_text="Seconds that one object must stay: in one of the zones if the rule has zones, else in the picture. "
        "0: no condition.",
    )
    crossing = models.CharField(
        max_length=7,
        choices=Crossing,
        default=Crossing.NONE,
        help_text="Whether one object must come into a zone from outside it, or go out of it again. "
        "The pictures must show it on both sides.",
    )
    min_people = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(MOST_PEOPLE)],
        help_text="Number of people that one picture must show at once. 0: no condition.",
    )
    schedule_days = models.JSONField(default=list, blank=True, help_text="Days from mon to sun. Empty: every day.")
    schedule_start = models.TimeField(null=True, blank=True)
    schedule_end = models.TimeField(null=True, blank=True)
    schedule_timezone = models.CharField(
        max_length=64,
        blank=True,
        validators=[validate_time_zone],
        help_text="Time zone. Empty: the time zone of the site.",
    )
    cooldown_seconds = models.PositiveIntegerField(
        default=300,
        validators=[MaxValueValidator(LONGEST_COOLDOWN_SECONDS)],
        help_text="Seconds without another alert with the same key, unless its level is higher.",
    )
    dedup_key = models.CharField(
        max_length=100,
        default="{camera}",
        validators=[validate_template],
        help_text="Alerts with the same key count as the same. A text with {camera}, {rule} or {label}.",
    )
    channels = models.ManyToManyField("events.NotificationChannel", blank=True, related_name="rules")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(min_risk__lte=100), name="alertrule_risk"),
            models.CheckConstraint(
                condition=Q(min_confidence__gte=0, min_confidence__lte=1), name="alertrule_confidence"
            ),
            models.CheckConstraint(
                condition=Q(schedule_start__isnull=True, schedule_end__isnull=True)
                | Q(schedule_start__isnull=False, schedule_end__isnull=False),
                name="alertrule_start_and_end",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["id"], condition=Q(enabled=True), name="alertrule_enabled")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raises `ValidationError` for a crossing without zones."""
        if self.crossing != self.Crossing.NONE and not self.zones:
            raise ValidationError({"crossing": "A rule for entering or leaving needs at least one zone."})

    def dedup_key_for(self, camera: str, label: str) -> str:
        """Return the key of an alert: the template with its fields filled in. A long key is replaced by its SHA-256."""
        values = {"camera": camera, "rule": str(self.pk), "label": label}
        key = _FIELD.sub(lambda field: values.get(field[1], field[0]), self.dedup_key)
        return key if len(key) <= LONGEST_KEY else hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


HIGHEST_RANK = len(Event.Level.values) - 1


class CoolDown(models.Model):
    """The newest cool-down window of a rule and key. See `events.alerting.evaluate`.

    `level` is the highest level of an alert in the window, as its rank in `Event.Level`.
    """

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="+")
    dedup_key = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    number = models.PositiveIntegerField(default=1)
    level = models.PositiveSmallIntegerField(default=HIGHEST_RANK)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rule", "dedup_key"], name="cooldown_one_a_key"),
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.dedup_key}: {self.number}"


class AlertQuerySet(models.QuerySet["Alert"]):
    def open(self) -> AlertQuerySet:
        return self.filter(status=Alert.Status.OPEN)


class Alert(models.Model):
    """An alert that a rule made for an event. At most one per rule, key and cool-down window.

    `severity` is the level of the event, and follows it when the event is judged again. `uid` identifies the alert in
    every notification about it.
    """

    class Status(models.TextChoices):
        OPEN = "open", "open"
        ACKNOWLEDGED = "acknowledged", "acknowledged"
        DISMISSED = "dismissed", "dismissed"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="alerts")
    rule = models.ForeignKey(AlertRule, on_delete=models.SET_NULL, null=True, related_name="alerts")
    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, related_name="alerts")
    dedup_key = models.CharField(max_length=200)
    window = models.PositiveIntegerField(help_text="Number of the cool-down window.")
    severity = models.CharField(max_length=8, choices=Event.Level)
    status = models.CharField(max_length=12, choices=Status, default=Status.OPEN)
    handled_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AlertQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rule", "dedup_key", "window"], name="alert_one_a_window"),
            models.UniqueConstraint(fields=["event", "rule"], name="alert_one_an_event_and_rule"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-id"], name="alert_time"),
            models.Index(fields=["camera", "-created_at", "-id"], name="alert_camera_time"),
            models.Index(fields=["-created_at", "-id"], condition=Q(status="open"), name="alert_open"),
        ]

    def __str__(self) -> str:
        return f"Alert {self.pk} of event {self.event_id}"
