"""The published description of all messages on the sockets: one JSON Schema, built from their types."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, TypedDict

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hsi.api.openapi import json_schema
from hsi.outbox import messages
from hsi.policies import Common

DIALECT = "https://json-schema.org/draft/2020-12/schema"
REF = "#/$defs/"


class ConnectionReadyData(TypedDict):
    """The first message. Its `seq` is the newest number."""

    heartbeat_seconds: int


class SubscribedData(TypedDict):
    """The subscription in force. Null means no limit."""

    types: list[str] | None
    cameras: list[str] | None
    after: int | None


class PongData(TypedDict):
    """The answer to `ping`. Its `seq` is the position of the client."""


class StreamGapData(TypedDict):
    """Messages before the number `oldest` are no longer stored: read REST, then continue."""

    oldest: int


class ErrorMessage(TypedDict):
    """A message of the client is invalid. `code` is stable, `detail` is for people."""

    type: Literal["error"]
    code: Literal["invalid_json", "unknown_type", "invalid_message", "too_large"]
    detail: str


class SubscriptionData(TypedDict, total=False):
    """A field that is absent or null means no limit."""

    types: list[str] | None
    cameras: list[str] | None
    after: int | None


class _Subscribe(TypedDict):
    type: Literal["subscribe"]


class SubscribeMessage(_Subscribe, SubscriptionData, total=False):
    """Set the subscription. The fields stand beside `type`, or in `data`. With `after`, replay from that number."""

    data: SubscriptionData


class UnsubscribeMessage(TypedDict):
    """Send no messages until the next `subscribe`."""

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
    """Return the schema. Its `$defs` have one entry for each message type, and `FromServer` and `FromClient`."""
    components: dict[str, Any] = {}
    schemas = {**ABOUT_THE_CONNECTION, **messages.schemas()}
    from_server_by_type = {kind: _message(kind, json_schema(data, components, REF)) for kind, data in schemas.items()}
    from_client = [json_schema(message, components, REF) for message in FROM_CLIENT]
    from_server = [{"$ref": f"{REF}{kind}"} for kind in from_server_by_type]
    from_server.append(json_schema(ErrorMessage, components, REF))
    return {
        "$schema": DIALECT,
        "title": "Messages of the live stream",
        "description": "Ignore unknown types and unknown fields: they come from a newer version.",
        "anyOf": [{"$ref": f"{REF}FromServer"}, {"$ref": f"{REF}FromClient"}],
        "$defs": {
            "FromServer": {"oneOf": from_server},
            "FromClient": {"oneOf": from_client},
            **from_server_by_type,
            **components,
        },
    }


def _message(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a numbered message. Its `camera` is empty when it concerns the whole system."""
    properties = {
        "type": {"const": kind},
        "seq": {"type": "integer", "minimum": 0},
        "time": {"type": "string", "format": "date-time"},
        "camera": {"type": "string"},
        "data": data,
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


class StreamSchema(APIView):
    subject = Common

    @extend_schema(summary="The messages of the live stream, as JSON Schema", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        return Response(document())
