"""Strict parsing of the JSON of a detection service. A wrong structure is an error, never an empty list."""

from __future__ import annotations

import json
from typing import Any

from hsi.errors import AIServiceProtocolError, AIServiceUnavailableError
from hsi.outbound import error_responses

KEPT_CHARACTERS = 2000


def readable(value: Any) -> str:
    """Return the text of a peer as one short line without control characters and surrogates, for logs and rows."""
    return error_responses.one_line(str(value), 200)


class AnswerReader:
    """Read typed values from the answers of a service. Every method raises `AIServiceProtocolError`."""

    def __init__(self, service: str) -> None:
        self.service = service

    def bad(self, what: str, answer: Any) -> AIServiceProtocolError:
        """Return the error to raise, with the start of the answer."""
        try:
            body = json.dumps(answer)[:KEPT_CHARACTERS]
        except RecursionError:
            body = ""
        return AIServiceProtocolError(f"{self.service} {what}", service=self.service, body=body)

    def answer(self, value: Any) -> dict[str, Any]:
        """Return an object without an error of its own, because some services answer 200 with an error inside.

        Raise `AIServiceUnavailableError` if that error is not about the picture.
        """
        fields = self.fields(value, "its answer")
        if fields.get("error") or fields.get("success") is False:
            words = readable(fields.get("error") or "no reason given")
            error = self.bad(f"answered with an error inside: {words}", value)
            if error_responses.SPEAKS_OF_SETUP.search(words):
                raise AIServiceUnavailableError(error.detail, service=self.service, body=error.body)
            raise error
        return fields

    def fields(self, value: Any, what: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.bad(f"answered with {what} that is not an object", value)
        return value

    def items(self, fields: dict[str, Any], name: str) -> list[Any]:
        items = fields.get(name)
        if not isinstance(items, list):
            raise self.bad(f"answered without a list of {name}", fields)
        return items

    def text(self, fields: dict[str, Any], name: str) -> str:
        text = fields.get(name)
        if not isinstance(text, str) or not text.strip():
            raise self.bad(f"answered with an object without {name}", fields)
        return text

    def number(self, value: Any, what: str) -> float:
        """Return a float. A number that is too large becomes infinite, and is dropped later like NaN."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.bad(f"answered with a {what} that is not a number", value)
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
