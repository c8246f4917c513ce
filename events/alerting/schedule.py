"""When a rule is in force: hours of the day at a place, on days of the week."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings

logger = logging.getLogger(__name__)

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Schedule:
    """From `start` to `end` (not included) by the clock on the wall in `zone`, on `days` (none: every day).

    Where the end is not later than the start it is over midnight, and the night counts to the day on which it
    began; equal times are a whole day. What the wall clock shows twice in autumn counts both times, and what
    it skips in spring never comes.
    """

    start: time
    end: time
    zone: ZoneInfo
    days: Sequence[str] = ()

    def covers(self, at: datetime) -> bool:
        """Whether the moment `at` (aware) is in force."""
        local = at.astimezone(self.zone)
        clock = local.time()
        if self.start < self.end:
            return self.start <= clock < self.end and self._on(local)
        return (clock >= self.start and self._on(local)) or (clock < self.end and self._on(local - timedelta(days=1)))

    def _on(self, local: datetime) -> bool:
        return not self.days or DAYS[local.weekday()] in self.days


def zone_named(name: str) -> ZoneInfo:
    """The time zone, the site's own for an empty name and for one that this machine does not know (any more)."""
    try:
        return ZoneInfo(name or settings.TIME_ZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        logger.error("Time zone %r of an alert rule is not known here, the site's is taken.", name)
        return ZoneInfo(settings.TIME_ZONE)
