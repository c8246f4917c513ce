"""Durations of the pipeline stages and AI requests: percentiles over the last minutes and all processes."""

from __future__ import annotations

from datetime import timedelta
from typing import TypedDict

from django.db.models import Max, Sum

from hsi.db import clock
from hsi.metrics.histograms import AI_FAILURE, AI_REQUEST, BOUNDS, STAGE, STAGES
from hsi.models import LatencyBucket


class DurationsData(TypedDict):
    """Durations of one stage or service. Percentiles come from a histogram, so they are approximate."""

    name: str
    count: int
    average_seconds: float | None
    p50_seconds: float | None
    p95_seconds: float | None
    p99_seconds: float | None
    longest_seconds: float | None


class LatencyData(TypedDict):
    """Durations within the last `minutes` of every stage, in pipeline order, and of the AI services."""

    minutes: int
    stages: list[DurationsData]
    services: list[DurationsData]


Histogram = dict[int, int]  # count by index of the bucket in BOUNDS


def latency(minutes: int) -> LatencyData:
    since = clock.now() - timedelta(minutes=minutes)
    stages, services = _durations(STAGE, since), _durations(AI_REQUEST, since)
    return {
        "minutes": minutes,
        "stages": [stages.get(name) or durations_data(name, {}, 0.0, 0.0) for name in STAGES],
        "services": [services[name] for name in sorted(services)],
    }


def failures(minutes: int) -> dict[str, int]:
    """Count failed requests by AI service."""
    since = clock.now() - timedelta(minutes=minutes)
    rows = LatencyBucket.objects.filter(name=AI_FAILURE, minute__gte=since).values_list("label").annotate(Sum("count"))
    return dict(rows)


def _durations(name: str, since: object) -> dict[str, DurationsData]:
    rows = (
        LatencyBucket.objects.filter(name=name, minute__gte=since)
        .values_list("label", "bucket")
        .annotate(Sum("count"), Sum("seconds"), Max("longest"))
    )
    counts: dict[str, Histogram] = {}
    sums: dict[str, float] = {}
    longest: dict[str, float] = {}
    for label, bucket, count, seconds, most in rows:
        counts.setdefault(label, {})[bucket] = count
        sums[label] = sums.get(label, 0.0) + seconds
        longest[label] = max(longest.get(label, 0.0), most)
    return {label: durations_data(label, counts[label], sums[label], longest[label]) for label in counts}


def durations_data(name: str, counts: Histogram, seconds: float, longest: float) -> DurationsData:
    total = sum(counts.values())
    return {
        "name": name,
        "count": total,
        "average_seconds": seconds / total if total else None,
        "p50_seconds": percentile(counts, 0.5, longest),
        "p95_seconds": percentile(counts, 0.95, longest),
        "p99_seconds": percentile(counts, 0.99, longest),
        "longest_seconds": longest if total else None,
    }


def percentile(counts: Histogram, share: float, longest: float) -> float | None:
    """Interpolate the percentile within its bucket. It never exceeds `longest`."""
    total = sum(counts.values())
    wanted, below = share * total, 0
    for bucket in sorted(counts):
        if below + counts[bucket] >= wanted and counts[bucket]:
            low = BOUNDS[bucket - 1] if bucket else 0.0
            high = BOUNDS[bucket] if bucket < len(BOUNDS) else longest
            return min(longest, low + (high - low) * (wanted - below) / counts[bucket])
        below += counts[bucket]
    return None
