"""What went through a stage, step by step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hsi.metrics.histograms import BOUNDS, STAGE
from hsi.models import LatencyBucket
from monitoring.metrics.throughput import DAY, HOUR, counts, percentiles

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 7, 30, tzinfo=UTC)


def sample(minutes_ago: float, count: int = 1, *, stage: str = "detection", bucket: int = 3, **values: float) -> None:
    minute = (NOW - timedelta(minutes=minutes_ago)).replace(second=0)
    facts = {"seconds": count * 0.1, "longest": BOUNDS[bucket], **values}
    LatencyBucket.objects.create(name=STAGE, label=stage, minute=minute, bucket=bucket, count=count, **facts)


def test_the_minute_that_is_not_over_is_the_last_step():
    sample(0, 3)
    sample(1, 2)
    assert counts(HOUR, NOW)["detection"][-3:] == [0, 2, 3]


def test_an_hour_has_sixty_steps_and_forgets_what_is_older():
    sample(59, 5)
    sample(60, 7)
    steps = counts(HOUR, NOW)["detection"]
    assert len(steps) == 60
    assert steps[0] == sum(steps) == 5


def test_a_day_is_added_up_by_quarters_of_an_hour():
    sample(0, 1)
    sample(14, 2)
    sample(15, 4)
    assert counts(DAY, NOW)["detection"][-2:] == [4, 3]


def test_a_sample_of_a_clock_that_ran_ahead_is_left_out():
    sample(-5, 9)
    assert sum(counts(HOUR, NOW)["detection"]) == 0


def test_where_nothing_went_through_there_is_no_percentile():
    sample(1, 10, bucket=2)
    sample(1, 1, bucket=5)
    half, most = percentiles("detection", (0.5, 0.99), HOUR, NOW)
    assert half[-1] is None
    assert half[-2] is not None
    assert most[-2] is not None
    assert half[-2] <= BOUNDS[2] < most[-2] <= BOUNDS[5]
