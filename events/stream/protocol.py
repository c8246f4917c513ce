"""What is said over a socket: the frames of both sides, and the codes a connection is closed with."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

LONGEST_NAME = 64
MOST_NAMES = 256
HIGHEST_NUMBER = 2**63 - 1


class Close(IntEnum):
    """Codes from 4000 on are ours, the others are those of RFC 6455 and its registry."""

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
    """A client said something that is not understood. `code` is stable, `detail` is for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Subscribe:
    """None is no limit: all types, all cameras, from now on."""

    types: tuple[str, ...] | None = None
    cameras: tuple[str, ...] | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Send nothing more until the next `Subscribe`."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Answer me."""


def parse(text: str, families: Collection[str]) -> Subscribe | Unsubscribe | Ping:
    """A client's message. Fields stand beside `type`, or in an object named `data`. Raises `InvalidMessage`.

    `families` are those of the address; a subscription to others is refused, so that nobody waits for them.
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
    raise InvalidMessage("unknown_type", "Known types are subscribe, unsubscribe and ping.")


def _subscribe(message: dict[str, Any], families: Collection[str]) -> Subscribe:
    fields = message["data"] if isinstance(message.get("data"), dict) else message
    if not fields.keys() <= {"types", "cameras", "after"}:
        raise InvalidMessage("invalid_message", "subscribe takes types, cameras and after.")
    types = _names(fields, "types")
    if types and not all(_is_pattern(name, families) for name in types):
        known = ", ".join(f"{family}.*" for family in sorted(families))
        raise InvalidMessage("invalid_message", f"Types are *, a pattern such as {known}, or a full name in these.")
    return Subscribe(types=types, cameras=_names(fields, "cameras"), after=_after(fields.get("after")))


def _names(fields: dict[str, Any], field: str) -> tuple[str, ...] | None:
    """An empty list is refused: whether it means all or nothing is anybody's guess."""
    names = fields.get(field)
    if names is None:
        return None
    if not isinstance(names, list) or not 0 < len(names) <= MOST_NAMES:
        raise InvalidMessage("invalid_message", f"{field} is a list of 1 to {MOST_NAMES} names. Leave it out for all.")
    if not all(isinstance(name, str) and 0 < len(name) <= LONGEST_NAME for name in names):
        raise InvalidMessage("invalid_message", f"A name in {field} is a text of 1 to {LONGEST_NAME} characters.")
    return tuple(names)


def _is_pattern(name: str, families: Collection[str]) -> bool:
    family, dot, rest = name.partition(".")
    return name == "*" or (family in families and bool(dot and rest))


def _after(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= HIGHEST_NUMBER:
        raise InvalidMessage("invalid_message", "after is the sequence number of the last message you have.")
    return value


def parse_after(text: str) -> int:
    """The number in `?after=N`. Raises `InvalidMessage`."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    return _after(number) or 0


def frame(kind: str, seq: int, time: datetime, camera: str, data_json: str) -> str:
    """The text of a message; `data_json` goes in as it is."""
    at = time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head = f'{{"type":{json.dumps(kind)},"seq":{seq},"time":"{at}","camera":{json.dumps(camera)}'
    return f'{head},"data":{data_json}}}'


def control(kind: str, seq: int, **data: Any) -> str:
    """The text of a message about the connection itself."""
    return frame(kind, seq, datetime.now(UTC), "", json.dumps(data))


def gap(oldest: int) -> str:
    """What comes next is `oldest`, and something before it is gone: read REST."""
    return control("stream.gap", oldest - 1, oldest=oldest)


def error(code: str, detail: str) -> str:
    return json.dumps({"type": "error", "code": code, "detail": detail})
