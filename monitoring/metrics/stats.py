"""Counts of recent activity. Each query reads an index range or a short table."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypedDict

from django.db.models import Count

from cameras.models import Upload
from detection.models import Detection
from events.models import Event
from hsi.metrics import histograms
from hsi.models import CounterValue
from monitoring.metrics import counters
from monitoring.metrics.backlog import waiting


class PeriodData(TypedDict):
    """Counts of a period: uploads by state (arrival time), detections and events (capture time)."""

    uploads: dict[str, int]
    detections: int
    events: int


class SystemStatsData(TypedDict):
    """Recent activity, waiting rows and totals."""

    last_hour: PeriodData
    last_day: PeriodData
    waiting: dict[str, int]
    events_ever: int
    detections_ever: int
    log_lines_dropped: int


def stats(now: datetime) -> SystemStatsData:
    counters.advance()
    ever = dict(CounterValue.objects.filter(label="", bucket=0).values_list("name", "value"))
    return {
        "last_hour": _period(now - timedelta(hours=1)),
        "last_day": _period(now - timedelta(days=1)),
        "waiting": waiting(),
        "events_ever": int(ever.get(counters.EVENTS, 0)),
        "detections_ever": int(ever.get(counters.DETECTIONS, 0)),
        "log_lines_dropped": int(ever.get(histograms.LOG_LINES_DROPPED, 0)),
    }


def _period(since: datetime) -> PeriodData:
    uploads = Upload.objects.filter(received_at__gte=since).order_by().values_list("state").annotate(Count("id"))
    return {
        "uploads": dict.fromkeys(Upload.State.values, 0) | dict(uploads),
        "detections": Detection.objects.filter(captured_at__gte=since).count(),
        "events": Event.objects.filter(started_at__gte=since).count(),
    }
