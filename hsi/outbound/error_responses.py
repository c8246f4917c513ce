"""Interpret an error response of a service: who must act, the message, and when to retry.

The same rule holds for detectors, language models and notification receivers. The status decides. The body decides
where it names a missing or loading model, or a credential, because servers answer 400 for these too. If the input could
still be at fault, `hsi.outbound.ai_service` sends a known-good input.
"""

from __future__ import annotations

import email.utils
import enum
import json
import re
from datetime import UTC, datetime

LONGEST_WORDS = 200
LONGEST_RETRY_SECONDS = 3600.0

# Temporary: time-out, misdirected, too early, too many, gateway without its server, unavailable.
MOMENT = frozenset({408, 409, 421, 425, 429, 502, 503, 504})
# Configuration: credential, payment, route, proxy or protocol must be corrected.
SETUP = frozenset({401, 402, 403, 404, 405, 406, 407, 411, 426, 451})
SPEAKS_OF_SETUP = re.compile(
    r"\bloading (?:the |a )?models?\b"
    r"|\bmodels?\b[^\n]{0,80}?\b(?:loading|not (?:yet )?(?:loaded|ready|found|exist|available)|does not exist"
    r"|is missing|is unknown|was deleted)\b"
    r"|\b(?:no|unknown|missing) (?:\w+ )?models?\b(?! \w*supports?)"
    r"|\bfailed to load (?:the )?model\b|\bmodel failed to load\b"
    r"|\bapi[ _-]?key\b|\bunauthori[sz]ed\b|\bauthentication\b|\bquota\b|\brate limit\b"
    r"|\b(?:server|service) is (?:busy|overloaded|starting|warming up|not ready|shutting down)\b"
    r"|\b(?:try again|retry) (?:later|in)\b|\bno such (?:route|endpoint|path)\b|\bunknown (?:route|endpoint|path)\b",
    re.IGNORECASE,
)


class Fault(enum.Enum):
    """Who must change something before the same request can succeed."""

    MOMENT = "the moment"  # no change is needed: a later attempt may succeed
    SETUP = "the connection"  # the operator of either side: no input would be accepted
    REQUEST = "the request"  # the sender of the input, as far as the response tells


def fault_of(status: int, body: str = "") -> Fault:
    """Return whose fault the response with this `status` (not 2xx) is. `body` is its start."""
    if status in MOMENT:
        return Fault.MOMENT
    if status in SETUP or status < 400 or SPEAKS_OF_SETUP.search(words_in(body)):
        return Fault.SETUP
    return Fault.MOMENT if status >= 500 else Fault.REQUEST


def words_in(body: str) -> str:
    """Return the message in the body of an error on one line, or an empty string for a page of HTML."""
    try:
        found = _message(json.loads(body))
    except (ValueError, RecursionError):
        found = "" if body.lstrip()[:1] == "<" else body
    return one_line(found, LONGEST_WORDS)


def _message(value: object) -> str:
    """Return the message in a common form: `{"error": {"message": …}}`, `error`, `detail`, `message`, `title`."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return _message(value[0]) if value else ""
    if isinstance(value, dict):
        for name in ("error", "message", "detail", "msg", "title"):
            if value.get(name):
                return _message(value[name])
    return ""


def one_line(text: str, limit: int) -> str:
    """Return `text` without control characters, on one line, in at most `limit` characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: limit * 4]).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def retry_after_seconds(value: str) -> float | None:
    """Return the seconds of a `Retry-After` (RFC 9110, 10.2.3), at most an hour, or None."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value), LONGEST_RETRY_SECONDS)
    try:
        then = email.utils.parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return min(max((then - datetime.now(UTC)).total_seconds(), 0.0), LONGEST_RETRY_SECONDS)
