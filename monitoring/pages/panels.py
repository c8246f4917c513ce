"""Panels of the overview: AI services, workers, cameras, storage, graphics cards, recent failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.urls import reverse

from cameras.access import visible_cameras
from cameras.models import Camera
from detection import detectors
from events import analyzers
from hsi.db import clock as databaseclock
from hsi.http.url_prefix import link
from hsi.models import CircuitBreaker, WorkerHeartbeat
from hsi.times import iso
from monitoring.api.system import BreakerData, DiskData, breaker_data, gpu_data, storage_data
from monitoring.health.workers import WorkerData, worker_data
from monitoring.metrics.gpu import GpuCardData
from monitoring.metrics.latency import failures, latency
from monitoring.models import LogEntry
from monitoring.pages.formatting import UNKNOWN, age, duration, since, size
from monitoring.pages.probes import ProbeResult
from monitoring.pages.status import TONES, Issue, clock

MOST_WORKERS = 60
MOST_CAMERAS = 60
MOST_FAILURES = 8
ENDED_SHOWN = timedelta(days=1)
ALIVE = ("running", "failing")
WORKER_TONES = {"running": "good", "failing": "bad", "silent": "bad", "stopped": "calm"}
BREAKER_TONES = {"closed": "good", "half_open": "warn", "open": "bad"}
MINUTES = 60


@dataclass(frozen=True, slots=True)
class Service:
    """A detector or analyser. `facts` are name and value; `breaker` is None for a backend inside this process."""

    what: str
    name: str
    tone: str
    detail: str
    breaker: BreakerData | None
    breaker_tone: str
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Bar:
    """A usage bar. `share` is 0 to 100, or None if unknown."""

    name: str
    words: str
    share: int | None
    tone: str
    more: str = ""


def services(answers: dict[str, ProbeResult]) -> list[Service]:
    breakers = {row.name: breaker_data(row) for row in CircuitBreaker.objects.order_by("name")}
    took = {one["name"]: one for one in latency(MINUTES)["services"]}
    failed = failures(MINUTES)
    found = []
    for what, check, chosen, name in (
        ("Detector", "detector", detectors.detectors.chosen(), detectors.service()),
        ("Analyser", "analyzer", analyzers.ANALYZERS.chosen(), analyzers.service()),
    ):
        answer, one = answers[check], took.get(name)
        facts = [
            ("p50", duration(one and one["p50_seconds"])),
            ("p95", duration(one and one["p95_seconds"])),
            ("p99", duration(one and one["p99_seconds"])),
            ("failed", share(failed.get(name, 0), one["count"] if one else 0)),
        ]
        breaker = (breakers.get(name) or untouched(name)) if name else None
        tone = BREAKER_TONES[breaker["state"]] if breaker else "good"
        found.append(
            Service(what, chosen, TONES[answer["status"]], answer["detail"], breaker, tone, facts if name else ())
        )
    return found


def untouched(name: str) -> BreakerData:
    """Return the data of a breaker without a row: no call has failed yet."""
    return breaker_data(CircuitBreaker(name=name))


def share(part: int, whole: int) -> str:
    return f"{part / whole:.0%} of {whole:,}" if whole else "no call in the last hour"


def workers() -> list[WorkerData]:
    """Return live workers, and recently ended workers of kinds without a live one."""
    now = databaseclock.now()
    found = [worker_data(row, now) for row in WorkerHeartbeat.objects.order_by("-beat_at")[: MOST_WORKERS * 2]]
    alive = {worker["kind"] for worker in found if worker["state"] in ALIVE}
    recent = iso(now - ENDED_SHOWN)
    return [
        worker
        for worker in found
        if worker["state"] in ALIVE or (worker["kind"] not in alive and worker["beat_at"] > recent)
    ][:MOST_WORKERS]


@dataclass(frozen=True, slots=True)
class WorkerRow:
    kind: str
    where: str
    state: str
    tone: str
    beat: str
    done: int
    detail: str


def worker_rows(found: Sequence[WorkerData]) -> list[WorkerRow]:
    now = databaseclock.now()
    return [
        WorkerRow(
            kind=worker["kind"],
            where=f"{worker['host']}, process {worker['pid']}",
            state=worker["state"],
            tone=WORKER_TONES[worker["state"]],
            beat=since(datetime.fromisoformat(worker["beat_at"]), now),
            done=worker["jobs_done"],
            detail=worker["detail"],
        )
        for worker in sorted(found, key=lambda worker: (worker["kind"], worker["name"]))
    ]


@dataclass(frozen=True, slots=True)
class CameraCard:
    name: str
    link: str
    picture: str
    state: str
    tone: str
    last: str


def cameras(user: User, now: datetime) -> list[CameraCard]:
    return [camera_card(camera, now) for camera in visible_cameras(user).with_last_upload()[:MOST_CAMERAS]]


def camera_state(camera: Camera, last: datetime | None) -> tuple[str, str]:
    """Return the state as text and tone. `last` is the capture time of the newest picture."""
    if not camera.enabled:
        return "paused", "warn"
    if camera.offline_since is not None:
        return "offline", "bad"
    if camera.view != Camera.View.OK:
        return camera.get_view_display(), "bad"
    return ("on", "good") if last else ("no picture yet", "calm")


def camera_card(camera: Camera, now: datetime) -> CameraCard:
    last: datetime | None = getattr(camera, "last_captured_at", None)
    upload = getattr(camera, "last_upload_id", None)
    state, tone = camera_state(camera, last)
    # The upload number changes the address with each picture, so that browsers can cache it.
    picture = link(f"/api/cameras/{camera.pk}/snapshot?upload={upload}") if upload else ""
    page = reverse("admin:camera", args=[camera.pk])
    return CameraCard(camera.name, page, picture, state, tone, since(last, now))


@dataclass(frozen=True, slots=True)
class Storage:
    bars: list[Bar]
    forecast: str
    tone: str


def storage(now: datetime) -> Storage:
    found = storage_data(now)
    days, use = found["days_until_full"], found["use"]
    bars = [disk("Camera folder", found["camera_disk"]), disk("Data folder", found["data_disk"])]
    forecast = f"Full in {days:.0f} days" if days is not None else found["forecast_reason"]
    if use:
        ours = [("originals", use["originals_bytes"]), ("database", use["database_bytes"])]
        text = ", ".join(f"{name} {size(number)}" for name, number in ours)
        bars[0] = Bar(bars[0].name, bars[0].words, bars[0].share, bars[0].tone, text)
    return Storage(bars, forecast, "bad" if days is not None and days < 3 else "warn" if days and days < 14 else "calm")


def full_disks(found: Storage) -> list[Issue]:
    link = reverse("admin:monitoring_storagesample_changelist")
    full = [bar for bar in found.bars if bar.share is not None and bar.tone != "good"]
    return [
        Issue(bar.tone, f"{bar.name}: the disk is {bar.share} % full", f"{bar.words}. {found.forecast}", link)
        for bar in full
    ]


def disk(name: str, data: DiskData) -> Bar:
    total, free = data["total_bytes"], data["free_bytes"]
    if total is None or free is None:
        return Bar(name, "cannot be read", None, "bad")
    used = round(100 * (total - free) / max(total, 1))
    return Bar(name, f"{size(free)} free of {size(total)}", used, filling(used))


def filling(percent: int) -> str:
    return "bad" if percent >= 97 else "warn" if percent >= 90 else "good"


@dataclass(frozen=True, slots=True)
class Gpu:
    reason: str
    cards: list[tuple[str, list[Bar], str]]


def gpu(now: datetime) -> Gpu:
    found = gpu_data(now)
    return Gpu(found["reason"] or "", [card(one) for one in found["cards"]])


def card(one: GpuCardData) -> tuple[str, list[Bar], str]:
    busy, used, total = one["utilization_percent"], one["memory_used_bytes"], one["memory_total_bytes"]
    full = round(100 * used / total) if used is not None and total else None
    bars = [
        Bar("Busy", UNKNOWN if busy is None else f"{busy} %", busy, "good"),
        Bar("Memory", f"{size(used)} of {size(total)}", full, filling(full or 0)),
    ]
    heat, power = one["temperature_celsius"], one["power_watts"]
    more = [f"{heat} °C"] if heat is not None else []
    return (
        f"{one['name']} ({one['host']})",
        bars,
        ", ".join([*more, *([f"{power:.0f} W"] if power is not None else [])]),
    )


@dataclass(frozen=True, slots=True)
class Failure:
    tone: str
    when: str
    ago: str
    where: str
    what: str
    link: str


def recent_failures(now: datetime) -> list[Failure]:
    """Return the newest warnings and errors of the log."""
    rows = LogEntry.objects.filter(level__gte=LogEntry.Level.WARNING).order_by("-created_at", "-id")[:MOST_FAILURES]
    return [
        Failure(
            tone="bad" if row.level >= LogEntry.Level.ERROR else "warn",
            when=clock(row.created_at),
            ago=age((now - row.created_at).total_seconds()),
            where=row.component,
            what=row.message[:300],
            link=reverse("admin:logs_line", args=[row.pk]),
        )
        for row in rows
    ]


def breakers_in_use() -> set[str]:
    """Return the names of the breakers of the configured services."""
    return set(filter(None, (detectors.service(), analyzers.service())))
