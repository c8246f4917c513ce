"""Strict JSON bodies: bounded length and depth, and no duplicate members."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from hsi.errors import PayloadTooLargeError

MAX_DEPTH = 32


class StrictJSONParser(JSONParser):
    """Parse JSON (RFC 8259). Raises PayloadTooLargeError, and ParseError also where an object names a member twice."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        longest: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(longest + 1)
        if len(raw) > longest:
            raise PayloadTooLargeError(f"A JSON body may have at most {longest} bytes.")
        try:
            value = json.loads(raw.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)
        except (ValueError, RecursionError) as error:
            raise ParseError("The body is not valid JSON in UTF-8.") from error
        _check_depth(value)
        return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ParseError("An object in the body has a duplicate member name.")
    return members


def _constant(name: str) -> NoReturn:
    raise ParseError(f"{name} is not valid JSON.")


def _check_depth(value: Any) -> None:
    """Check the depth level by level, so that the limit does not depend on the stack of the interpreter."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise ParseError(f"The body is nested deeper than {MAX_DEPTH} levels.")
