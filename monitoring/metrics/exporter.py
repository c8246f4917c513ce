"""`/metrics` for Prometheus: any web process answers for all processes.

The `hsi_*` metrics come from rows; those of requests, queries, caches and processes from files that the processes of
this data folder share (`hsi.metrics.multiprocess`). No label holds the name of a camera, a person or a file.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.db.models import Count, Sum
from django.http import HttpResponse
from django.urls import path
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from rest_framework.request import Request
from rest_framework.views import APIView

from cameras.files import spool
from cameras.models import Camera, IntakeProblem
from hsi.api.permissions import MetricsPermission
from hsi.db import clock
from hsi.disk_space import disk_usage
from hsi.metrics import gauges, histograms, multiprocess
from hsi.models import CircuitBreaker, CounterValue, WorkerHeartbeat
from hsi.queues import ANALYSIS_QUEUE, DETECTION_QUEUE, QueueUnavailableError, backpressure
from hsi.workers import heartbeat
from monitoring.health.checks import queue_depths
from monitoring.metrics import counters
from monitoring.metrics.backlog import waiting

Totals = dict[str, dict[tuple[str, int], float]]  # by name, then by label and bucket
BREAKER_VALUES = {"closed": 0, "half_open": 1, "open": 2}


class ProcessMetrics(Collector):
    """Requests, queries, caches and processes, added up over all processes."""

    def collect(self) -> list[Metric]:
        return multiprocess.collected()


class SystemMetrics(Collector):
    """What the rows of the database say now."""

    def collect(self) -> Iterator[Metric]:
        counters.advance()
        totals: Totals = {}
        for name, label, bucket, value in CounterValue.objects.values_list("name", "label", "bucket", "value"):
            totals.setdefault(name, {})[label, bucket] = value
        yield from _counters(totals)
        yield _histogram("hsi_stage_duration_seconds", "Time by stage.", "stage", totals, histograms.STAGE)
        yield _histogram(
            "hsi_ai_request_duration_seconds",
            "Time of a request by AI service.",
            "service",
            totals,
            histograms.AI_REQUEST,
        )
        yield from _queues()
        yield from _waiting()
        yield from _intake()
        yield from _cameras()
        yield from _processes()
        yield from _disks()


def _counters(totals: Totals) -> Iterator[Metric]:
    events = totals.get(counters.EVENTS, {}).get(("", 0), 0)
    detections = totals.get(counters.DETECTIONS, {}).get(("", 0), 0)
    dropped = totals.get(histograms.LOG_LINES_DROPPED, {}).get(("", 0), 0)
    yield CounterMetricFamily("hsi_events_created", "Events ever created.", value=events)
    yield CounterMetricFamily("hsi_detections_processed", "Detections ever stored.", value=detections)
    yield CounterMetricFamily("hsi_log_lines_dropped", "Log lines that never reached the database.", value=dropped)
    missed = totals.get(histograms.NOTICES_MISSED, {}).get(("", 0), 0)
    yield CounterMetricFamily("hsi_notices_missed", "Files that a scan found without a notification.", value=missed)
    yield _labelled("hsi_pipeline_errors", "Failed tries of jobs, by error code.", "type", totals, histograms.ERRORS)
    yield _labelled(
        "hsi_answers_rejected", "Answers of the language model that were rejected, by kind.", "kind", totals,
        histograms.REJECTIONS,
    )  # fmt: skip
    yield _labelled("hsi_uploads_finished", "Uploads by the state they ended in.", "state", totals, histograms.UPLOADS)


def _labelled(name: str, words: str, label: str, totals: Totals, tally: str) -> CounterMetricFamily:
    family = CounterMetricFamily(name, words, labels=[label])
    for (value_of, _), value in sorted(totals.get(tally, {}).items()):
        family.add_metric([value_of], value)
    return family


def _histogram(name: str, words: str, label: str, totals: Totals, tally: str) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, words, labels=[label])
    counts, sums = totals.get(tally, {}), totals.get(tally + histograms.SUM, {})
    for of in sorted({one for one, _ in counts}):
        edges = [*map(str, histograms.BOUNDS), "+Inf"]
        below, buckets = 0.0, []
        for place, edge in enumerate(edges):
            below += counts.get((of, place), 0)
            buckets.append((edge, below))
        family.add_metric([of], buckets, sum(value for (one, _), value in sums.items() if one == of))
    return family


def _queues() -> Iterator[Metric]:
    jobs = GaugeMetricFamily("hsi_queue_jobs", "Jobs by queue and state.", labels=["queue", "state"])
    oldest = GaugeMetricFamily("hsi_queue_oldest_seconds", "Age of the oldest job.", labels=["queue"])
    high = GaugeMetricFamily("hsi_queue_pressure", "1 where a queue is under pressure.", labels=["queue"])
    up = GaugeMetricFamily("hsi_queues_up", "1 where the queues can be reached.")
    try:
        depths = queue_depths()
    except QueueUnavailableError:
        depths = {}
    up.add_metric([], float(bool(depths)))
    yield up
    for name, depth in depths.items():
        jobs.add_metric([name, "waiting"], depth.waiting)
        jobs.add_metric([name, "leased"], depth.leased)
        jobs.add_metric([name, "delayed"], depth.delayed)
        oldest.add_metric([name], depth.oldest_seconds or 0)
        high.add_metric([name], float(backpressure.is_high(name, depth.total)))
    if depths:
        yield GaugeMetricFamily("hsi_detection_queue_depth", "Uploads queued.", value=depths[DETECTION_QUEUE].total)
        yield GaugeMetricFamily("hsi_analysis_queue_depth", "Batches queued.", value=depths[ANALYSIS_QUEUE].total)
    yield from (jobs, oldest, high)


def _waiting() -> Iterator[Metric]:
    rows = GaugeMetricFamily("hsi_waiting", "Rows that wait, by kind.", labels=["kind"])
    for kind, count in waiting().items():
        rows.add_metric([kind], count)
    yield rows


def _intake() -> Iterator[Metric]:
    problems = GaugeMetricFamily(
        "hsi_intake_problems", "Files and folders that are not accepted, by kind.", labels=["kind"]
    )
    counts = dict(IntakeProblem.objects.order_by().values_list("kind").annotate(Sum("count")))
    for kind in IntakeProblem.Kind.values:
        problems.add_metric([kind], counts.get(kind, 0))
    yield problems
    yield GaugeMetricFamily("hsi_spool_bytes", "Copies of accepted files that wait.", value=spool.used_bytes())


def _cameras() -> Iterator[Metric]:
    cameras = GaugeMetricFamily("hsi_cameras", "Cameras that are on, by what they show.", labels=["view"])
    numbers = dict(Camera.objects.filter(enabled=True).order_by().values_list("view").annotate(number=Count("pk")))
    for view in Camera.View.values:
        cameras.add_metric([view], numbers.get(view, 0))
    yield cameras


def _processes() -> Iterator[Metric]:
    state = GaugeMetricFamily("hsi_breaker_state", "0 closed, 1 half-open, 2 open.", labels=["service"])
    for name, now in CircuitBreaker.objects.order_by("name").values_list("name", "state"):
        state.add_metric([name], BREAKER_VALUES[now])
    yield state
    now_at = clock.now()
    alive: dict[str, int] = {}
    for worker in WorkerHeartbeat.objects.exclude(state=WorkerHeartbeat.State.STOPPED):
        alive[worker.kind] = alive.get(worker.kind, 0) + (not heartbeat.is_silent(worker, now_at))
    workers = GaugeMetricFamily("hsi_workers_alive", "Loops with a recent heartbeat, by kind.", labels=["kind"])
    for kind, count in sorted(alive.items()):
        workers.add_metric([kind], count)
    yield workers
    clients = gauges.total(gauges.STREAM_CLIENTS)
    yield GaugeMetricFamily("hsi_stream_clients", "Connected clients of the stream.", value=clients)


def _disks() -> Iterator[Metric]:
    free = GaugeMetricFamily("hsi_disk_free_bytes", "Free disk space, by folder.", labels=["folder"])
    total = GaugeMetricFamily("hsi_disk_total_bytes", "Size of the disk, by folder.", labels=["folder"])
    for folder, place in {"cameras": settings.CAMERA_ROOT, "data": settings.DATA_DIR}.items():
        if usage := disk_usage(place):
            total.add_metric([folder], usage[0])
            free.add_metric([folder], usage[1])
    yield from (free, total)


class Metrics(APIView):
    permission_classes = (MetricsPermission,)
    schema = None  # not of the API: its form is Prometheus's

    def get(self, request: Request) -> HttpResponse:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(SystemMetrics())
        registry.register(ProcessMetrics())
        return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


urlpatterns = [path("", Metrics.as_view())]
