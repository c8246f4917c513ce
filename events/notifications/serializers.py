"""Notification channels and deliveries in the API: the responses, and the validated requests."""

from __future__ import annotations

from typing import Any, TypedDict

from rest_framework import serializers

from events.models import Delivery, Event, NotificationChannel
from events.notifications.channels import ChannelInvalidError, configure
from hsi.api.inputs import Input
from hsi.security.secret_fields import SecretField
from hsi.times import iso

MOST_SETTINGS = 20


class ChannelData(TypedDict):
    """A receiver of alerts. `target` describes the receiver without secrets.

    The secrets `url`, `secret` and `password` are never returned.
    """

    id: int
    name: str
    kind: str
    enabled: bool
    target: str
    recipients: list[str]
    settings: dict[str, Any]
    min_severity: str


class DeliveryData(TypedDict):
    """A delivery of an alert to a channel. `next_attempt_at` is null when the delivery is finished.

    `reached` has the recipients that got it when it did not reach all of them at once: e-mail addresses, or for Apprise
    keys that identify a recipient and reveal nothing else.
    """

    id: int
    channel: int
    alert: int
    stage: str
    state: str
    attempts: int
    last_error: str
    reached: list[str]
    next_attempt_at: str | None
    sent_at: str | None


def channel_data(channel: NotificationChannel) -> ChannelData:
    return {
        "id": channel.pk,
        "name": channel.name,
        "kind": channel.kind,
        "enabled": channel.enabled,
        "target": channel.target,
        "recipients": channel.recipients,
        "settings": channel.settings,
        "min_severity": channel.min_severity,
    }


def delivery_data(delivery: Delivery) -> DeliveryData:
    return {
        "id": delivery.pk,
        "channel": delivery.channel_id,
        "alert": delivery.alert_id,
        "stage": delivery.stage,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "last_error": delivery.last_error,
        "reached": delivery.reached,
        "next_attempt_at": iso(delivery.next_attempt_at),
        "sent_at": iso(delivery.sent_at),
    }


class ChannelRequestSerializer(Input):
    name = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(NotificationChannel.Kind.choices)
    enabled = serializers.BooleanField(required=False)
    min_severity = serializers.ChoiceField(Event.Level.choices, required=False)
    url = SecretField(help_text="URL of the webhook, or an Apprise URL.")
    recipients = serializers.ListField(child=serializers.CharField(max_length=254), max_length=50, required=False)
    settings = serializers.DictField(
        child=serializers.JSONField(), required=False, help_text="Settings of MQTT: host and others."
    )
    secret = SecretField(help_text="Secret that signs the bodies of a webhook.")
    password = SecretField(help_text="Password for the MQTT broker.")

    def validate_settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        if len(settings) > MOST_SETTINGS or not all(isinstance(value, str | int | bool) for value in settings.values()):
            raise serializers.ValidationError("Values are texts, whole numbers, true or false.")
        return settings


def store(channel: NotificationChannel, values: dict[str, Any]) -> None:
    """Store validated values in `channel`, in the caller's transaction. Raises `ValidationError`."""
    try:
        configure(channel, values)
    except ChannelInvalidError as error:
        raise serializers.ValidationError({error.field: [error.detail]}) from error
    channel.save()
