"""The protocol of the sockets: frames of both sides, close codes, and the filter that a subscription sets."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

from hsi.outbox.messages import CameraId

LONGEST_NAME = 64
MOST_NAMES = 256
HIGHEST_NUMBER = 2**63 - 1


class Close(IntEnum):
    """Close codes. Those from 4000 on are our own, the others come from RFC 6455 and its registry."""

    POLICY = 1008
    TOO_LARGE = 1009
    INTERNAL = 1011
    TRY_AGAIN = 1013
    NOT_SIGNED_IN = 4401
    NOT_ALLOWED = 4403
    IDLE = 4408
    TOO_SLOW = 4409
    TOO_MANY = 4429


class InvalidMessage(ValueError):
    """A message of a client is invalid. `code` is stable, `detail` is for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Subscribe:
    """What a client asks for. None means no limit: all types, all cameras, from now on."""

    types: tuple[str, ...] | None = None
    cameras: tuple[str, ...] | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Send no messages until the next `Subscribe`."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask for a `pong`."""


def parse(text: str, families: Collection[str]) -> Subscribe | Unsubscribe | Ping:
    """Parse a message of a client. Fields stand beside `type`, or in an object named `data`.

    `families` are those of the address. A subscription to other families is refused, because it could never receive
    a message. Raises `InvalidMessage`.
    """
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidMessage("invalid_json", "This is not JSON.") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise InvalidMessage("invalid_message", 'A message is an object with a "type".')
    match message.pop("type"):
        case "subscribe":
            return _subscribe(message, families)
        case "unsubscribe":
            return Unsubscribe()
        case "ping":
            return Ping()
    raise InvalidMessage("unknown_type", "The type must be subscribe, unsubscribe or ping.")


def _subscribe(message: dict[str, Any], families: Collection[str]) -> Subscribe:
    fields = message["data"] if isinstance(message.get("data"), dict) else message
    if not fields.keys() <= {"types", "cameras", "after"}:
        raise InvalidMessage("invalid_message", "subscribe takes types, cameras and after.")
    types = _names(fields, "types")
    if types and not all(_is_pattern(name, families) for name in types):
        patterns = ", ".join(f"{family}.*" for family in sorted(families))
        raise InvalidMessage("invalid_message", f"A type is *, a pattern ({patterns}), or a full name in one of these.")
    return Subscribe(types=types, cameras=_names(fields, "cameras"), after=_after(fields.get("after")))


def _names(fields: dict[str, Any], field: str) -> tuple[str, ...] | None:
    """Return a list of names. An empty list is refused: it could mean all or none."""
    names = fields.get(field)
    if names is None:
        return None
    if not isinstance(names, list) or not 0 < len(names) <= MOST_NAMES:
        raise InvalidMessage(
            "invalid_message", f"{field} is a list of 1 to {MOST_NAMES} names. Leave it out to get all."
        )
    if not all(isinstance(name, str) and 0 < len(name) <= LONGEST_NAME for name in names):
        raise InvalidMessage("invalid_message", f"Each name in {field} is a text of 1 to {LONGEST_NAME} characters.")
    return tuple(names)


def _is_pattern(name: str, families: Collection[str]) -> bool:
    family, dot, rest = name.partition(".")
    return name == "*" or (family in families and bool(dot and rest))


def _after(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= HIGHEST_NUMBER:
        raise InvalidMessage("invalid_message", "after is the sequence number of the last message that you received.")
    return value


def parse_after(text: str) -> int:
    """Return the number in `?after=N`. Raises `InvalidMessage`."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    return _after(number) or 0


def frame(kind: str, seq: int, time: datetime, camera: str, data_json: str) -> str:
    """Return the text of a message. `data_json` is inserted unchanged."""
    timestamp = time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head = f'{{"type":{json.dumps(kind)},"seq":{seq},"time":"{timestamp}","camera":{json.dumps(camera)}'
    return f'{head},"data":{data_json}}}'


def control(kind: str, seq: int, **data: Any) -> str:
    """Return the text of a message about the connection itself."""
    return frame(kind, seq, datetime.now(UTC), "", json.dumps(data))


def gap(oldest: int) -> str:
    """Return a `stream.gap`: the next message is `oldest`, and messages before it are no longer stored."""
    return control("stream.gap", oldest - 1, oldest=oldest)


def error(code: str, detail: str) -> str:
    return json.dumps({"type": "error", "code": code, "detail": detail})


class Filter:
    """The subscription and rights of one client.

    The answers are cached: there are few pairs of a type and a camera, and many messages.
    """

    __slots__ = ("_answers", "_cameras", "_families", "_subscription")

    def __init__(self, families: frozenset[str], cameras: frozenset[CameraId] | None) -> None:
        """`families` are those of the address. `cameras` are the ids that the user may see, None means all."""
        self._families = families
        self._subscription: Subscribe | None = Subscribe()
        self._cameras = cameras
        self._answers: dict[tuple[str, str], bool] = {}

    def __contains__(self, key: tuple[str, str]) -> bool:
        """Whether a message with this (type, camera) is for the client."""
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answers[key] = self._may_see(key[1]) and self._is_subscribed(*key)
        return answer

    @property
    def is_subscribed_to_nothing(self) -> bool:
        return self._subscription is None

    def subscribe(self, subscription: Subscribe | None) -> None:
        """Replace the subscription. None ends delivery until the next one."""
        self._subscription = subscription
        self._answers = {}

    def set_cameras(self, cameras: frozenset[CameraId] | None) -> None:
        if cameras != self._cameras:
            self._cameras = cameras
            self._answers = {}

    def _may_see(self, camera: str) -> bool:
        """A message without a camera is about all cameras, so it is for users who see all of them."""
        return self._cameras is None or camera in self._cameras

    def _is_subscribed(self, kind: str, camera: str) -> bool:
        family = kind.partition(".")[0]
        if self._subscription is None or family not in self._families:
            return False
        types, cameras = self._subscription.types, self._subscription.cameras
        if cameras is not None and camera not in cameras:
            return False
        return types is None or not {"*", f"{family}.*", kind}.isdisjoint(types)
