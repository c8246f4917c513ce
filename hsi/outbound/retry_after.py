"""When a service that was asked wants to be asked again: the header `Retry-After` (RFC 9110, 10.2.3)."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime

LONGEST_SECONDS = 3600.0


def seconds(value: str) -> float | None:
    """Seconds named by the header's value, a number or a date, at most an hour. None: it names none."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value), LONGEST_SECONDS)
    try:
        then = email.utils.parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return min(max((then - datetime.now(UTC)).total_seconds(), 0.0), LONGEST_SECONDS)
