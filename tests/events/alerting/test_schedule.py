"""Hours on the wall clock, in a time zone that changes its clocks."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from events.alerting.schedule import Schedule

pytestmark = pytest.mark.one_engine

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Schedule(time(22), time(6), BERLIN, ["fri"])


@pytest.mark.parametrize(
    ("at", "covered"),
    [
        (datetime(2026, 3, 6, 21, 0, tzinfo=UTC), True),  # Friday 22:00
        (datetime(2026, 3, 7, 4, 59, tzinfo=UTC), True),  # Saturday 05:59 belongs to Friday's night
        (datetime(2026, 3, 7, 5, 0, tzinfo=UTC), False),
        (datetime(2026, 3, 7, 21, 0, tzinfo=UTC), False),  # Saturday 22:00
        (datetime(2026, 3, 6, 4, 0, tzinfo=UTC), False),  # Friday 05:00 belongs to Thursday's
    ],
)
def test_a_night_counts_to_the_day_on_which_it_began(at: datetime, covered: bool) -> None:
    assert NIGHT.covers(at) is covered


@pytest.mark.parametrize("hour", [0, 1])
def test_an_hour_that_comes_twice_in_autumn_counts_both_times(hour: int) -> None:
    at = datetime(2026, 10, 25, hour, 30, tzinfo=UTC)  # 02:30, before and after the change
    assert Schedule(time(2), time(3), BERLIN).covers(at)
    assert not Schedule(time(3), time(4), BERLIN).covers(at)


def test_an_hour_that_is_skipped_in_spring_never_comes() -> None:
    skipped = Schedule(time(2), time(3), BERLIN)
    day = [datetime(2026, 3, 29, hour, minute, tzinfo=UTC) for hour in range(24) for minute in (0, 30, 59)]
    assert not any(skipped.covers(at) for at in day if at.astimezone(BERLIN).day == 29)
    assert Schedule(time(3), time(4), BERLIN).covers(datetime(2026, 3, 29, 1, 0, tzinfo=UTC))
