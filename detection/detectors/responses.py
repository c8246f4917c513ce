"""Reading a detection service's JSON, strictly: what has the wrong structure is an error, never an empty list."""

from __future__ import annotations

import json
from typing import Any

from hsi.errors import AIServiceProtocolError, AIServiceUnavailableError
from hsi.outbound import error_responses

KEPT_CHARACTERS = 2000


def readable(value: Any) -> str:
    """What a peer says, as one short line that can be logged and stored: no control characters, no half characters."""
    return error_responses.one_line(str(value), 200)


class AnswerReader:
    """Takes typed values out of one service's answers. Every method raises `AIServiceProtocolError`."""

    def __init__(self, service: str) -> None:
        self.service = service

    def bad(self, what: str, answer: Any) -> AIServiceProtocolError:
        """The error to raise, with the beginning of the answer for a person to see."""
        try:
            body = json.dumps(answer)[:KEPT_CHARACTERS]
        except RecursionError:
            body = ""
        return AIServiceProtocolError(f"{self.service} {what}", service=self.service, body=body)

    def answer(self, value: Any) -> dict[str, Any]:
        """An object that does not itself tell of a failure: some services answer 200 and an error inside.

        Raises `AIServiceUnavailableError` where that error is not about the picture.
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
        """A float; one that is too large for a float is infinite (and dropped later, as NaN is)."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.bad(f"answered with a {what} that is not a number", value)
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
