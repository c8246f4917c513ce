"""The pipeline panel: backlog, throughput and duration of each stage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings
from django.db.models import Max
from django.urls import reverse
from django.utils.safestring import SafeString

from cameras.models import Upload
from hsi.models import QueuePause
from hsi.queues import ANALYSIS_QUEUE, DETECTION_QUEUE, FAST_PATH_QUEUE, Depth, QueueName, backpressure
from monitoring.health.checks import WAIT_LIMIT_SECONDS
from monitoring.health.workers import WorkerData
from monitoring.metrics import throughput
from monitoring.metrics.latency import DurationsData, latency
from monitoring.pages.chart import spark
from monitoring.pages.formatting import UNKNOWN, age, duration, many, rate, since

RATE_MINUTES = 5


@dataclass(frozen=True, slots=True)
class Stage:
    """One box of the panel. `figure` is its large number."""

    name: str
    icon: str
    link: str
    figure: str
    unit: str
    facts: Sequence[str]
    tone: str = "good"
    is_queue: bool = False
    through: str = ""  # the stage of `hsi.metrics.histograms` for throughput and durations
    spark: SafeString | None = None
    percentiles: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class PipelineData:
    """Input of the boxes."""

    now: datetime
    depths: dict[QueueName, Depth] | None
    waits: dict[str, int]
    workers: Sequence[WorkerData]
    paused: frozenset[str]
    counts: dict[str, list[int]]
    durations: dict[str, DurationsData]


def pipeline_data(
    now: datetime, depths: dict[QueueName, Depth] | None, waits: dict[str, int], workers: Sequence[WorkerData]
) -> PipelineData:
    return PipelineData(
        now=now,
        depths=depths,
        waits=waits,
        workers=workers,
        paused=frozenset(QueuePause.objects.values_list("queue", flat=True)),
        counts=throughput.counts(throughput.HOUR, now),
        durations={stage["name"]: stage for stage in latency(60)["stages"]},
    )


def stages(facts: PipelineData) -> list[Stage]:
    """Return the boxes from the folder to the event."""
    boxes = [
        folder(facts),
        queue(facts, "Detection queue", DETECTION_QUEUE, "detection_wait"),
        loop(facts, "Detectors", "frame_person", "detection", "pictures/min"),
        batches(facts),
        queue(facts, "Analysis queue", ANALYSIS_QUEUE, "analysis_wait"),
        loop(facts, "Analyser", "psychology", "analysis", "batches/min"),
        events(facts),
    ]
    return [measured(box, facts) for box in boxes]


def folder(facts: PipelineData) -> Stage:
    newest = Upload.objects.aggregate(newest=Max("received_at"))["newest"]
    return Stage(
        name="Folder",
        icon="folder_open",
        link=reverse("admin:cameras_upload_changelist"),
        figure=rate(a_minute(facts, "intake")),
        unit="files/min",
        facts=[f"last file {since(newest, facts.now)}", *alive(facts, ["watcher"])],
        tone=tone_of(facts, ["watcher"]),
        through="intake",
    )


def queue(facts: PipelineData, name: str, key: QueueName, through: str) -> Stage:
    depth = facts.depths.get(key) if facts.depths is not None else None
    tone, words = queue_issue(facts, key, depth)
    backlog = [f"oldest {age(depth.oldest_seconds)}" if depth.total else "empty"] if depth else []
    hands = [f"{number} {what}" for number, what in in_hand(depth) if number]
    return Stage(
        name=name,
        icon="low_priority",
        link=reverse("admin:queues"),
        figure=f"{depth.waiting + depth.delayed:,}" if depth else "?",
        unit="waiting" if depth else UNKNOWN,
        facts=[*words, *backlog, *hands, *fast_path(facts, key)],
        tone=tone,
        is_queue=True,
        through=through,
    )


def in_hand(depth: Depth | None) -> list[tuple[int, str]]:
    return [(depth.leased, "in work"), (depth.delayed, "tried again later")] if depth else []


def queue_issue(facts: PipelineData, key: QueueName, depth: Depth | None) -> tuple[str, list[str]]:
    if depth is None:
        return "unknown", ["unavailable"]
    if key in facts.paused:
        return "warn", ["paused"]
    if (depth.oldest_seconds or 0) > WAIT_LIMIT_SECONDS:
        return "bad", ["waiting too long"]
    if backpressure.is_high(key, depth.total):
        return "warn", [f"{depth.total / settings.QUEUE_MAX_SIZE:.0%} full"]
    return "good", []


def fast_path(facts: PipelineData, key: QueueName) -> list[str]:
    """Describe the depth of the fast path, in the box of the analysis queue."""
    depth = facts.depths.get(FAST_PATH_QUEUE) if facts.depths and key == ANALYSIS_QUEUE else None
    return [f"{depth.total} on the fast path"] if depth and depth.total else []


def loop(facts: PipelineData, name: str, icon: str, kind: str, unit: str) -> Stage:
    return Stage(
        name=name,
        icon=icon,
        link=reverse("admin:hsi_workerheartbeat_changelist") + f"?kind={kind}",
        figure=rate(a_minute(facts, kind)),
        unit=unit,
        facts=alive(facts, [kind]),
        tone=tone_of(facts, [kind]),
        through=kind,
    )


def batches(facts: PipelineData) -> Stage:
    waiting = facts.waits.get("batches_open")
    return Stage(
        name="Batches",
        icon="stacks",
        link=reverse("admin:detection_batch_changelist") + "?state__exact=open",
        figure=UNKNOWN if waiting is None else str(waiting),
        unit="open",
        facts=alive(facts, ["batch-closer"]),
        tone=tone_of(facts, ["batch-closer"]),
        through="batch",
    )


def events(facts: PipelineData) -> Stage:
    made = sum(facts.counts.get("upload_to_event", []))
    pending = facts.waits.get("events_pending", 0)
    return Stage(
        name="Events",
        icon="notifications",
        link=reverse("admin:events_event_changelist"),
        figure=str(made),
        unit="in the last hour",
        facts=[f"{pending} being analysed"] if pending else ["all analysed"],
        through="upload_to_event",
    )


def alive(facts: PipelineData, kinds: Iterable[str]) -> list[str]:
    mine = [worker for worker in facts.workers if worker["kind"] in kinds]
    running = sum(worker["state"] == "running" for worker in mine)
    ill = [worker["state"] for worker in mine if worker["state"] in ("failing", "silent")]
    more = [f"{ill.count(state)} {state}" for state in ("failing", "silent") if state in ill]
    return [", ".join([many(running, "worker"), *more])]


def tone_of(facts: PipelineData, kinds: Iterable[str]) -> str:
    states = [worker["state"] for worker in facts.workers if worker["kind"] in kinds]
    if "running" not in states:
        return "bad"
    return "warn" if {"failing", "silent"} & set(states) else "good"


def a_minute(facts: PipelineData, stage: str) -> float:
    """Return the rate over the last full minutes and the current one."""
    steps = facts.counts.get(stage, [])
    return sum(steps[-RATE_MINUTES - 1 :]) / (RATE_MINUTES + facts.now.second / 60)


def measured(box: Stage, facts: PipelineData) -> Stage:
    """Add the throughput of the last hour and the percentiles to a box."""
    took = facts.durations.get(box.through)
    percentiles_seconds = {
        "p50": took and took["p50_seconds"],
        "p95": took and took["p95_seconds"],
        "p99": took and took["p99_seconds"],
    }
    return replace(
        box,
        spark=spark(facts.counts.get(box.through, [])),
        percentiles=[(name, duration(value)) for name, value in percentiles_seconds.items()],
    )
