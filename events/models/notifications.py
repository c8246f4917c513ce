"""Notification channels, and the deliveries of alerts to them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from events.models.alerts import Alert
from events.models.event import Event
from hsi.security import encryption as sealed


class NotificationChannel(models.Model):
    """A receiver of alerts.

    `settings` may be shown; `sealed` has the secrets, encrypted. `target` describes the receiver without secrets.
    `failures` counts failed attempts in a row, and `last_error` has the last one.
    """

    class Kind(models.TextChoices):
        WEBHOOK = "webhook", "webhook"
        EMAIL = "email", "e-mail"
        MQTT = "mqtt", "MQTT"
        APPRISE = "apprise", "Apprise"

    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=7, choices=Kind)
    enabled = models.BooleanField(default=True)
    min_severity = models.CharField(
        max_length=8,
        choices=Event.Level,
        default=Event.Level.LOW,
        help_text="Minimum level of alerts for this channel.",
    )
    recipients = models.JSONField(default=list, blank=True, help_text="E-mail addresses of the recipients.")
    settings = models.JSONField(default=dict, blank=True)
    target = models.CharField(max_length=300, blank=True, editable=False)
    sealed = models.TextField(blank=True, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)
    last_error = models.CharField(max_length=300, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.name

    @property
    def secrets(self) -> dict[str, str]:
        """Return the decrypted secrets by name: `url`, `secret`, `password`.

        Raises `encryption.UnreadableSecretError`.
        """
        return sealed.unseal(self.sealed)

    def keep_secrets(self, secrets: dict[str, str]) -> None:
        """Replace the secrets. Does not save."""
        self.sealed = sealed.seal({name: value for name, value in secrets.items() if value})


class Delivery(models.Model):
    """A delivery to a channel: of the alert itself (`first`), or of its later judgement (`update`).

    `due_at` (seconds since 1970, the database's clock) is the end of the delay while a delivery waits, the end of the
    lease while a worker has it, and null when it is finished. `lease` identifies the claim of that worker.
    The content that was sent is stored with it (`events.notifications.deliveries.content_of`). `reached` are recipients
    that have it when it did not reach all of them: a later attempt goes to the others.
    """

    class Stage(models.TextChoices):
        FIRST = "first", "first"
        UPDATE = "update", "update"

    class State(models.TextChoices):
        PENDING = "pending", "waiting"
        SENT = "sent", "sent"
        FAILED = "failed", "failed, retrying"
        DEAD = "dead", "failed permanently"

    WAITING = (State.PENDING, State.FAILED)

    channel = models.ForeignKey(NotificationChannel, on_delete=models.CASCADE, related_name="deliveries")
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="deliveries")
    stage = models.CharField(max_length=6, choices=Stage)
    state = models.CharField(max_length=7, choices=State, default=State.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)
    due_at = models.FloatField(null=True, blank=True)
    lease = models.CharField(max_length=32, default="", blank=True)
    sent_content = models.JSONField(default=dict, blank=True)
    reached = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["channel", "alert", "stage"], name="delivery_one_a_stage"),
            models.CheckConstraint(
                condition=Q(state__in=("pending", "failed"), due_at__isnull=False)
                | Q(state__in=("sent", "dead"), due_at__isnull=True, lease=""),
                name="delivery_due_while_it_waits",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at", "id"], condition=Q(due_at__isnull=False), name="delivery_due"),
            models.Index(fields=["-created_at", "-id"], condition=Q(state="dead"), name="delivery_dead"),
        ]

    def __str__(self) -> str:
        return f"Delivery {self.pk} ({self.stage}) of alert {self.alert_id}"

    @property
    def next_attempt_at(self) -> datetime | None:
        return None if self.due_at is None else datetime.fromtimestamp(self.due_at, UTC)
