"""The kinds of notification channels: their protocol, and the registry of the classes that implement it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Protocol

from django.db.models import F
from django.utils.module_loading import import_string

from events.models import NotificationChannel
from events.notifications.content import Notification
from hsi.errors import HSIError

LONGEST_ERROR = 300
SECRETS = ("url", "secret", "password")


@dataclass(frozen=True, slots=True)
class Config:
    """The receiver of a channel, with its secrets decrypted. It must never be shown or logged."""

    url: str = field(default="", repr=False)
    recipients: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    secret: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


class ChannelInvalidError(HSIError):
    """The configuration of a channel is invalid. `field` is the invalid field."""

    code = "CHANNEL_INVALID"
    status = 400
    retryable = False

    def __init__(self, field_name: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field_name


class NotSentError(HSIError):
    """A notification could not be sent. Another attempt may succeed.

    `reached` are the recipients that got it nevertheless.
    """

    code = "NOTIFICATION_NOT_SENT"
    status = 502

    def __init__(self, detail: str = "", *, reached: Sequence[str] = ()) -> None:
        super().__init__(detail)
        self.reached = tuple(reached)


class RefusedError(NotSentError):
    """The receiver rejected the notification permanently."""

    code = "NOTIFICATION_REFUSED"
    retryable = False


class Kind(Protocol):
    """How a kind of channel is checked and sent to. `settings` has the names and types of its settings."""

    settings: ClassVar[dict[str, type]]

    def target(self, config: Config) -> str:
        """Describe the receiver without secrets. Raises `ChannelInvalidError`. Uses no network."""
        ...

    def send(self, config: Config, notification: Notification) -> None:
        """Send to all recipients that are not in `notification.reached`.

        Raises `HSIError`, whose text contains no secret. A `NotSentError` has the recipients that got it.
        """
        ...


_kinds: dict[str, str] = {}  # dotted paths of classes


def register(name: str, path: str) -> None:
    """Declare a kind of channel. The class at the dotted path is imported when a channel of it is used."""
    _kinds[name] = path


def kinds() -> Collection[str]:
    return _kinds.keys()


@cache
def kind(name: str) -> Kind:
    """Return the kind of that name. Raise `KeyError` if none is registered."""
    instance: Kind = import_string(_kinds[name])()
    return instance


def config_of(channel: NotificationChannel) -> Config:
    """Return the configuration with its secrets. Raises `encryption.UnreadableSecretError`."""
    return Config(recipients=tuple(channel.recipients), settings=channel.settings, **channel.secrets)


def configure(channel: NotificationChannel, values: dict[str, Any]) -> None:
    """Set `values` on `channel`, and check the result. Does not save. Raises `ChannelInvalidError`.

    Secrets that are not in `values` are kept, and an empty one is removed. When the host, port or TLS changes, all
    secrets must be sent again: a password must not go to a host that its owner never named.
    """
    if channel.pk and values.get("kind", channel.kind) != channel.kind:
        raise ChannelInvalidError("kind", "The kind of a channel cannot change. Create another channel.")
    new_secrets = {name: values.pop(name) for name in SECRETS if name in values}
    secrets = ({} if channel.pk is None or _changes_host(channel, values) else channel.secrets) | new_secrets
    for name, value in values.items():
        setattr(channel, name, value)
    config = Config(recipients=tuple(channel.recipients), settings=channel.settings, **secrets)
    _refuse_unknown(channel.settings, kind(channel.kind).settings)
    channel.target = kind(channel.kind).target(config)
    channel.keep_secrets(secrets)
    channel.failures, channel.last_error = 0, ""  # those of the earlier configuration


def _refuse_unknown(settings: dict[str, Any], types: dict[str, type]) -> None:
    """Raise `ChannelInvalidError` for a setting without use. Settings are shown, so a secret could end up there."""
    for name, value in settings.items():
        if name not in types:
            raise ChannelInvalidError(
                "settings", f"Unknown setting {name}. Known settings: {', '.join(types) or 'none'}."
            )
        if type(value) is not types[name]:
            raise ChannelInvalidError("settings", f"{name} has the wrong type.")


def _changes_host(channel: NotificationChannel, values: dict[str, Any]) -> bool:
    new = values.get("settings", channel.settings)
    return any(new.get(name) != channel.settings.get(name) for name in ("host", "port", "tls"))


def send(channel: NotificationChannel, notification: Notification) -> None:
    """Send now. Raises `HSIError`."""
    kind(channel.kind).send(config_of(channel), notification)


def record_failure(channel_id: int, error: HSIError) -> None:
    """Count a failed attempt of a channel, for the health report."""
    NotificationChannel.objects.filter(pk=channel_id).update(
        failures=F("failures") + 1, last_error=f"{error.code}: {error.detail}"[:LONGEST_ERROR]
    )


def record_success(channel_id: int) -> None:
    """Reset the failures of a channel. Write nothing if there are none."""
    NotificationChannel.objects.filter(pk=channel_id, failures__gt=0).update(failures=0, last_error="")
