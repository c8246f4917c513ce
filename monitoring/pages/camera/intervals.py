"""The expected interval of a camera: some choices, or a number with a unit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.utils import timezone

from cameras.models import Camera, Upload
from monitoring.pages.formatting import age, many

OFFERED = (
    ("", "No limit", "The camera is never marked offline."),
    ("300", "Every 5 minutes", "For one that sends a picture by its schedule every minute or so."),
    ("3600", "Every hour", "For one that sends a picture by its schedule."),
    ("86400", "Every day", "For one that sends when something moves, where something moves every day."),
)
OTHER = "other"
UNITS = (("60", "minutes"), ("3600", "hours"), ("86400", "days"))
LOOKED_BACK = timedelta(days=7)
MOST = 5_000


def form_data(camera: Camera) -> dict[str, Any]:
    """Return the content of the form."""
    now = str(camera.expected_interval_seconds or "")
    number, unit = split(camera.expected_interval_seconds or 1800)
    known = now in {value for value, _, _ in OFFERED}
    pause = longest_pause(camera, timezone.now())
    return {
        "offered": OFFERED, "chosen": now if known else OTHER, "number": number, "unit": unit, "units": UNITS,
        "longest_pause": pause, "longest_pause_words": age(pause),
    }  # fmt: skip


def split(seconds: int) -> tuple[int, str]:
    """(number, unit as the form has it) of an interval; the largest unit that leaves no rest."""
    unit = next((value for value, _ in reversed(UNITS) if seconds % int(value) == 0), UNITS[0][0])
    return round(seconds / int(unit)), unit


def entered(form: Mapping[str, str]) -> Any:
    """Seconds, None for no interval, or what is neither, for the serializer to refuse."""
    every = form.get("every", "")
    if every != OTHER:
        return every or None
    number, unit = form.get("number", ""), form.get("unit", "")
    if not (number.isascii() and number.isdigit() and len(number) < 9 and unit in dict(UNITS)):
        return number or "nothing"
    return int(number) * int(unit)


def in_words(seconds: int | None) -> str:
    if seconds is None:
        return "no limit"
    number, unit = split(seconds)
    return many(number, dict(UNITS)[unit].removesuffix("s"))


def longest_pause(camera: Camera, now: datetime) -> float | None:
    """Seconds between two of its files in the last days, of the newest `MOST`; None where there are not two."""
    recent = Upload.objects.filter(camera=camera, received_at__gte=now - LOOKED_BACK).order_by("-received_at", "-id")
    times = list(recent.values_list("received_at", flat=True)[:MOST])
    return max(((later - earlier).total_seconds() for later, earlier in pairwise(times)), default=None)
