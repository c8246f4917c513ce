"""The kinds of notification channels: one small protocol, and the registry of the classes that fulfil it."""

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
    """Where and how a channel is sent to, with its secrets in the clear: never to be shown or logged."""

    url: str = field(default="", repr=False)
    recipients: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    secret: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


class ChannelInvalidError(HSIError):
    """A channel cannot be set up like this. `field` is the one that is wrong."""

    code = "CHANNEL_INVALID"
    status = 400
    retryable = False

    def __init__(self, field_name: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field_name


class NotSentError(HSIError):
    """A notification could not be sent. What failed may work later.

    `reached` are those of several recipients that have it all the same.
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
    """How channels of one kind are checked and sent to. `settings` are the names and types of what it may be told."""

    settings: ClassVar[dict[str, type]]

    def target(self, config: Config) -> str:
        """Where `config` leads, in words without a secret. Raises `ChannelInvalidError`. Asks no network."""
        ...

    def send(self, config: Config, notification: Notification) -> None:
        """Returns when everybody has it who had not (`notification.reached`).

        Raises `HSIError`, whose text names no secret; a `NotSentError` says whom it has reached all the same.
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
    """Return the kind of that name. Raise `KeyError` where none is registered."""
    made: Kind = import_string(_kinds[name])()
    return made


def config_of(channel: NotificationChannel) -> Config:
    """Raises `sealed.UnreadableSecretError`."""
    return Config(recipients=tuple(channel.recipients), settings=channel.settings, **channel.secrets)


def configure(channel: NotificationChannel, values: dict[str, Any]) -> None:
    """Set `values` on `channel`, and what follows from them. Does not save. Raises `ChannelInvalidError`.

    Secrets that are not among them stay, and an empty one is forgotten. But what leads elsewhere needs its secrets
    anew: a password must not go to a host that its owner never named.
    """
    if channel.pk and values.get("kind", channel.kind) != channel.kind:
        raise ChannelInvalidError("kind", "The kind of a channel stays. Make another one.")
    given = {name: values.pop(name) for name in SECRETS if name in values}
    secrets = ({} if channel.pk is None or _leads_elsewhere(channel, values) else channel.secrets) | given
    for name, value in values.items():
        setattr(channel, name, value)
    config = Config(recipients=tuple(channel.recipients), settings=channel.settings, **secrets)
    _refuse_unknown(channel.settings, kind(channel.kind).settings)
    channel.target = kind(channel.kind).target(config)
    channel.keep_secrets(secrets)
    channel.failures, channel.last_error = 0, ""  # those of what it was before


def _refuse_unknown(given: dict[str, Any], known: dict[str, type]) -> None:
    """Raise `ChannelInvalidError`: settings are shown, so nothing is kept there that nobody reads."""
    for name, value in given.items():
        if name not in known:
            raise ChannelInvalidError("settings", f"There is no {name}. There are: {', '.join(known) or 'none'}.")
        if type(value) is not known[name]:
            raise ChannelInvalidError("settings", f"{name} is of the wrong type.")


def _leads_elsewhere(channel: NotificationChannel, values: dict[str, Any]) -> bool:
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
