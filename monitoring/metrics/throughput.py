"""Throughput and duration of each stage over time, for the charts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, QuerySet, Sum

from hsi.metrics.histograms import STAGE
from hsi.models import LatencyBucket
from monitoring.metrics.latency import Histogram, percentile


@dataclass(frozen=True, slots=True)
class Span:
    """`steps` intervals of `step_minutes` minutes. The last one is still in progress."""

    steps: int
    step_minutes: int

    def since(self, now: datetime) -> datetime:
        """Return the start of the first step."""
        minute = now.replace(second=0, microsecond=0)
        return minute - timedelta(minutes=self.steps * self.step_minutes - 1)

    def step_of(self, minute: datetime, now: datetime) -> int:
        return int((minute - self.since(now)) / timedelta(minutes=self.step_minutes))


HOUR = Span(60, 1)
DAY = Span(96, 15)


def counts(span: Span, now: datetime) -> dict[str, list[int]]:
    """Return the number of items of each stage by step, oldest first."""
    counts_by_stage: dict[str, list[int]] = {}
    rows = _samples(span, now).values_list("label", "minute").annotate(Sum("count"))
    for stage, minute, count in rows:
        steps = counts_by_stage.setdefault(stage, [0] * span.steps)
        if 0 <= (step := span.step_of(minute, now)) < span.steps:  # a clock may have been set back
            steps[step] += count
    return counts_by_stage


def percentiles(stage: str, shares: tuple[float, ...], span: Span, now: datetime) -> list[list[float | None]]:
    """Return the percentiles in seconds for each of `shares`, by step. None: nothing was measured."""
    steps = list(_histograms(stage, span, now))
    return [[percentile(counts, share, longest) for counts, longest in steps] for share in shares]


def _histograms(stage: str, span: Span, now: datetime) -> Iterator[tuple[Histogram, float]]:
    steps: list[Histogram] = [{} for _ in range(span.steps)]
    longest = [0.0] * span.steps
    rows = (
        _samples(span, now).filter(label=stage).values_list("minute", "bucket").annotate(Sum("count"), Max("longest"))
    )
    for minute, bucket, count, most in rows:
        if 0 <= (step := span.step_of(minute, now)) < span.steps:
            steps[step][bucket] = steps[step].get(bucket, 0) + count
            longest[step] = max(longest[step], most)
    return zip(steps, longest, strict=True)


def _samples(span: Span, now: datetime) -> QuerySet[LatencyBucket]:
    return LatencyBucket.objects.filter(name=STAGE, minute__gte=span.since(now)).order_by()
