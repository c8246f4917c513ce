"""Short texts for durations, sizes and counts. None is shown as unknown, never as zero."""

from __future__ import annotations

from datetime import datetime

from django.template.defaultfilters import filesizeformat

UNKNOWN = "unknown"
UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def age(seconds: float | None) -> str:
    """`4 s`, `12 min`, `3 h`, `2 d`."""
    if seconds is None:
        return UNKNOWN
    for unit, name in UNITS:
        if seconds >= unit * (1 if unit == 1 else 1.5):
            return f"{seconds / unit:.0f} {name}"
    return f"{max(seconds, 0):.0f} s"


def duration(seconds: float | None) -> str:
    """`3 ms`, `0.42 s`, `12 s`, `4 min`."""
    if seconds is None:
        return "–"  # noqa: RUF001 (nothing was measured)
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 9.95 else age(seconds)


def since(time: datetime | None, now: datetime) -> str:
    return "never" if time is None else f"{age((now - time).total_seconds())} ago"


def size(number: int | None) -> str:
    return UNKNOWN if number is None else str(filesizeformat(number))


def rate(a_minute: float) -> str:
    """`0`, `0.4`, `12` per minute."""
    return f"{a_minute:.0f}" if a_minute >= 9.95 else f"{a_minute:.1f}".removesuffix(".0")


def many(number: int, one: str, more: str = "") -> str:
    return f"{number:,} {one if number == 1 else more or one + 's'}"
