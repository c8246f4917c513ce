"""The published description of what is said over a socket: one JSON Schema, made from the types of the messages."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, TypedDict

from hsi.api.openapi import json_schema
from hsi.outbox import messages

DIALECT = "https://json-schema.org/draft/2020-12/schema"
REF = "#/$defs/"


class ConnectionReadyData(TypedDict):
    """Always first. The message's `seq` is the newest number there is."""

    heartbeat_seconds: int


class SubscribedData(TypedDict):
    """What is now in force; null is no limit."""

    types: list[str] | None
    cameras: list[str] | None
    after: int | None


class PongData(TypedDict):
    """The answer to `ping`. The message's `seq` is where the client stands."""


class StreamGapData(TypedDict):
    """Something before the number `oldest` is no longer there: read REST, then go on."""

    oldest: int


class ErrorMessage(TypedDict):
    """What the client said was not understood. `code` is stable, `detail` is for people."""

    type: Literal["error"]
    code: Literal["invalid_json", "unknown_type", "invalid_message", "too_large"]
    detail: str


class SubscriptionData(TypedDict, total=False):
    """What is left out, or null, is no limit."""

    types: list[str] | None
    cameras: list[str] | None
    after: int | None


class _Subscribe(TypedDict):
    type: Literal["subscribe"]


class SubscribeMessage(_Subscribe, SubscriptionData, total=False):
    """Narrow the stream. The fields stand beside `type`, or in `data`. With `after`, replay from there."""

    data: SubscriptionData


class UnsubscribeMessage(TypedDict):
    """Nothing more until the next `subscribe`."""

    type: Literal["unsubscribe"]


class PingMessage(TypedDict):
    """Answered with `pong`."""

    type: Literal["ping"]


ABOUT_THE_CONNECTION = {
    "connection.ready": ConnectionReadyData,
    "subscribed": SubscribedData,
    "pong": PongData,
    "stream.gap": StreamGapData,
}
FROM_CLIENT = (SubscribeMessage, UnsubscribeMessage, PingMessage)


@cache
def document() -> dict[str, Any]:
    """The schema. Its `$defs` hold one entry a message type, and `FromServer` and `FromClient`."""
    components: dict[str, Any] = {}
    schemas = {**ABOUT_THE_CONNECTION, **messages.schemas()}
    from_server_by_type = {kind: _message(kind, json_schema(one, components, REF)) for kind, one in schemas.items()}
    from_client = [json_schema(one, components, REF) for one in FROM_CLIENT]
    from_server = [{"$ref": f"{REF}{kind}"} for kind in from_server_by_type]
    from_server.append(json_schema(ErrorMessage, components, REF))
    return {
        "$schema": DIALECT,
        "title": "Messages of the live stream",
        "description": "Take unknown types and unknown fields for those of a newer version, and pass over them.",
        "anyOf": [{"$ref": f"{REF}FromServer"}, {"$ref": f"{REF}FromClient"}],
        "$defs": {
            "FromServer": {"oneOf": from_server},
            "FromClient": {"oneOf": from_client},
            **from_server_by_type,
            **components,
        },
    }


def _message(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """A numbered message; `camera` is empty where it concerns the system as a whole."""
    properties = {
        "type": {"const": kind},
        "seq": {"type": "integer", "minimum": 0},
        "time": {"type": "string", "format": "date-time"},
        "camera": {"type": "string"},
        "data": data,
    }
    return {"type": "object", "properties": properties, "required": list(properties)}
