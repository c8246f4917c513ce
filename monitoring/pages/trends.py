"""Charts of the last hour and the last day. The day is computed at most once a minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.utils import timezone
from django.utils.safestring import SafeString

from monitoring.metrics import throughput
from monitoring.metrics.throughput import DAY, HOUR, Span
from monitoring.pages.chart import Axis, Line, chart

KEPT_SECONDS = {HOUR: 5, DAY: 60}
MARKS = 5  # times below a chart


@dataclass(frozen=True, slots=True)
class Trend:
    """A chart with its legend: names and tones."""

    title: str
    drawing: SafeString | None
    legend: tuple[tuple[str, str], ...]


def trends(now: datetime) -> list[Trend]:
    return [trend for span, name in ((HOUR, "last hour"), (DAY, "last day")) for trend in kept(span, name, now)]


def kept(span: Span, name: str, now: datetime) -> list[Trend]:
    key = f"admin-trends-{span.steps}-{span.step_minutes}"
    found: list[Trend] | None = cache.get(key)
    if found is None:
        found = [flow(span, name, now), waits(span, name, now)]
        cache.set(key, found, KEPT_SECONDS[span])
    return found


def flow(span: Span, name: str, now: datetime) -> Trend:
    steps = throughput.counts(span, now)
    nothing = [0] * span.steps
    lines = [
        Line("files accepted", steps.get("intake", nothing), "accent", bars=True),
        Line("pictures analysed", steps.get("detection", nothing), "good"),
        Line("events", steps.get("upload_to_event", nothing), "warn"),
    ]
    each = "a minute" if span.step_minutes == 1 else f"in {span.step_minutes} minutes"
    return trend(f"Pictures {each}, {name}", lines, Axis(times(span, now)), any(any(line.values) for line in lines))


def waits(span: Span, name: str, now: datetime) -> Trend:
    half, most = throughput.percentiles("upload_to_event", (0.5, 0.95), span, now)
    lines = [Line("p95", most, "warn"), Line("p50", half, "accent")]
    measured = any(value is not None for value in half)
    return trend(f"From file to event, {name}", lines, Axis(times(span, now), " s"), measured)


def trend(title: str, lines: list[Line], axis: Axis, measured: bool) -> Trend:
    drawing = chart(title, lines, axis) if measured else None
    return Trend(title, drawing, tuple((line.name, line.tone) for line in lines))


def times(span: Span, now: datetime) -> tuple[str, ...]:
    """Return evenly spaced times in the time zone of the site."""
    whole = timedelta(minutes=span.steps * span.step_minutes)
    marks = (now - whole * (MARKS - 1 - place) / (MARKS - 1) for place in range(MARKS))
    return tuple(f"{timezone.localtime(mark):%H:%M}" for mark in marks)
