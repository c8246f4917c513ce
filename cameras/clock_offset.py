"""A camera clock that is wrong: how its offset reads in words, and which settings correct it.

`intake.capture_time` measures the offset. `Camera.clock_offset_seconds` stores it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from cameras.models import Camera

QUARTER_SECONDS = 15 * 60


class ClockSuggestion(TypedDict):
    """Settings that correct a wrong camera clock, as the API accepts them."""

    time_zone: str
    clock_correction_seconds: int


def suggest_settings(camera: Camera, now: datetime) -> ClockSuggestion | None:
    """Return the settings that would make the camera's times right, or None.

    One picture cannot distinguish a wrong time zone from a wrong clock. A clock that runs on UTC, or ignores summer
    time, gets a time zone without summer time. Any other clock is assumed to be in the camera's zone but set wrongly.
    """
    offset = camera.clock_offset_seconds
    if offset is None or offset % QUARTER_SECONDS:
        return None
    local_now = now.astimezone(camera.zone)
    zone_offset = int(utcoffset.total_seconds()) if (utcoffset := local_now.utcoffset()) else 0
    summer_time = int(dst.total_seconds()) if (dst := local_now.dst()) else 0
    clock_utc_offset = zone_offset + offset - camera.clock_correction_seconds
    if clock_utc_offset == 0:
        return {"time_zone": "UTC", "clock_correction_seconds": 0}
    if summer_time and clock_utc_offset == zone_offset - summer_time and clock_utc_offset % 3600 == 0:
        return {"time_zone": f"Etc/GMT{-clock_utc_offset // 3600:+d}", "clock_correction_seconds": 0}
    return {"time_zone": camera.time_zone, "clock_correction_seconds": camera.clock_correction_seconds - offset}


def offset_text(seconds: int) -> str:
    """Such as "1 h 30 min behind"."""
    return f"{duration_text(seconds)} {'ahead' if seconds > 0 else 'behind'}"


def duration_text(seconds: int) -> str:
    """Such as "1 h 30 min", without the sign."""
    minutes = round(abs(seconds) / 60)
    parts = [f"{minutes // 60} h" if minutes >= 60 else "", f"{minutes % 60} min" if minutes % 60 else ""]
    return " ".join(filter(None, parts)) or "less than a minute"
