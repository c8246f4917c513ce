"""Holds messages of the stream against the schema that is published, and strictly: a field too many is a fault."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from events.stream.schema import document

FROM_SERVER, FROM_CLIENT = "FromServer", "FromClient"


@cache
def validator(name: str) -> Draft202012Validator:
    """For one entry of the schema's `$defs`."""
    schema = closed(deepcopy(document())) | {"$ref": f"#/$defs/{name}"}
    del schema["anyOf"]
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def closed(schema: Any) -> Any:
    """Every object in it takes the properties that it names, and no others."""
    if isinstance(schema, dict):
        for part in schema.values():
            closed(part)
        if isinstance(schema.get("properties"), dict):
            schema.setdefault("additionalProperties", False)
    elif isinstance(schema, list):
        for part in schema:
            closed(part)
    return schema


def check_message(message: dict[str, Any]) -> None:
    """A whole message from the server is as the schema says."""
    validator("ErrorMessage" if message["type"] == "error" else message["type"]).validate(message)


def check_row(kind: str, camera: str, data: Any) -> None:
    """A row of the outbox would make such a message."""
    check_message({"type": kind, "seq": 1, "time": "2026-03-01T12:00:00.000Z", "camera": camera, "data": data})
