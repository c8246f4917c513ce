"""The other parts of the overview: AI services, workers, cameras, room, graphics cards, recent failures."""

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
from monitoring.pages.probes import Answer
from monitoring.pages.status import TONES, Trouble, clock

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
    """A detector or analyser. `facts` are names and words; `breaker` is None for a model of this process."""

    what: str
    name: str
    tone: str
    detail: str
    breaker: BreakerData | None
    breaker_tone: str
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that fills up. `share` is from 0 to 100; None where it is not known."""

    name: str
    words: str
    share: int | None
    tone: str
    more: str = ""


def services(answers: dict[str, Answer]) -> list[Service]:
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
    """A breaker without a row: no call has failed yet."""
    return breaker_data(CircuitBreaker(name=name))


def share(part: int, whole: int) -> str:
    return f"{part / whole:.0%} of {whole:,}" if whole else "no call in the last hour"


def workers() -> list[WorkerData]:
    """Those that live; of a kind that nobody does any more, those that ended or fell silent lately."""
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
class ShownWorker:
    kind: str
    where: str
    state: str
    tone: str
    beat: str
    done: int
    detail: str


def shown_workers(found: Sequence[WorkerData]) -> list[ShownWorker]:
    now = databaseclock.now()
    return [
        ShownWorker(
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
class ShownCamera:
    name: str
    link: str
    picture: str
    state: str
    tone: str
    last: str


def cameras(user: User, now: datetime) -> list[ShownCamera]:
    return [shown_camera(camera, now) for camera in visible_cameras(user).with_last_upload()[:MOST_CAMERAS]]


def camera_state(camera: Camera, last: datetime | None) -> tuple[str, str]:
    """Its state in words and tone. `last`: when its newest picture was taken."""
    if not camera.enabled:
        return "paused", "warn"
    if camera.silent_since is not None:
        return "silent for too long", "bad"
    return ("on", "good") if last else ("no picture yet", "calm")


def shown_camera(camera: Camera, now: datetime) -> ShownCamera:
    last: datetime | None = getattr(camera, "last_captured_at", None)
    upload = getattr(camera, "last_upload_id", None)
    state, tone = camera_state(camera, last)
    # The number makes the address new with each picture, so that the browser fetches no picture twice.
    picture = link(f"/api/cameras/{camera.pk}/snapshot?upload={upload}") if upload else ""
    page = reverse("admin:camera", args=[camera.pk])
    return ShownCamera(camera.name, page, picture, state, tone, since(last, now))


@dataclass(frozen=True, slots=True)
class Room:
    bars: list[Bar]
    forecast: str
    tone: str


def room(now: datetime) -> Room:
    found = storage_data(now)
    days, use = found["days_until_full"], found["use"]
    bars = [disk("Camera folder", found["camera_disk"]), disk("Data folder", found["data_disk"])]
    forecast = f"Full in {days:.0f} days" if days is not None else found["forecast_reason"]
    if use:
        ours = [("originals", use["originals_bytes"]), ("database", use["database_bytes"])]
        told = ", ".join(f"{name} {size(number)}" for name, number in ours)
        bars[0] = Bar(bars[0].name, bars[0].words, bars[0].share, bars[0].tone, told)
    return Room(bars, forecast, "bad" if days is not None and days < 3 else "warn" if days and days < 14 else "calm")


def full_disks(found: Room) -> list[Trouble]:
    link = reverse("admin:monitoring_storagesample_changelist")
    full = [bar for bar in found.bars if bar.share is not None and bar.tone != "good"]
    return [
        Trouble(bar.tone, f"{bar.name}: the disk is {bar.share} % full", f"{bar.words}. {found.forecast}", link)
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
    """The newest warnings and errors of the log."""
    rows = LogEntry.objects.filter(level__gte=LogEntry.Level.WARNING).order_by("-time", "-id")[:MOST_FAILURES]
    return [
        Failure(
            tone="bad" if row.level >= LogEntry.Level.ERROR else "warn",
            when=clock(row.time),
            ago=age((now - row.time).total_seconds()),
            where=row.component,
            what=row.message[:300],
            link=reverse("admin:logs_line", args=[row.pk]),
        )
        for row in rows
    ]


def breakers_in_use() -> set[str]:
    """Those of the services that are set up now."""
    return set(filter(None, (detectors.service(), analyzers.service())))
