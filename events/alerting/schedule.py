"""The schedule of a rule: local hours of the day on days of the week."""

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
    """From `start` to `end` (exclusive) in the local time of `zone`, on `days` (every day if empty).

    An end that is not later than the start is on the next day, and the night belongs to the day on which it began.
    Equal times mean a whole day. A local time that occurs twice in autumn counts twice, and one that is skipped in
    spring does not occur.
    """

    start: time
    end: time
    zone: ZoneInfo
    days: Sequence[str] = ()

    def covers(self, at: datetime) -> bool:
        """Whether the schedule is in force at `at` (aware)."""
        local = at.astimezone(self.zone)
        clock = local.time()
        if self.start < self.end:
            return self.start <= clock < self.end and self._on(local)
        return (clock >= self.start and self._on(local)) or (clock < self.end and self._on(local - timedelta(days=1)))

    def _on(self, local: datetime) -> bool:
        return not self.days or DAYS[local.weekday()] in self.days


def zone_named(name: str) -> ZoneInfo:
    """Return the time zone. An empty name, and one that this machine does not know, mean the time zone of the site."""
    try:
        return ZoneInfo(name or settings.TIME_ZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        logger.error(
            "Time zone %r of an alert rule is unknown on this machine. The time zone of the site is used.", name
        )
        return ZoneInfo(settings.TIME_ZONE)
