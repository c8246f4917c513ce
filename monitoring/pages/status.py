"""The first thing to see at night: whether something is wrong, what, and where it is put right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime

from events.models import Delivery
from hsi.models import QueuePause
from hsi.queues import dead_letters
from monitoring.models import JobRun
from monitoring.pages.formatting import many
from monitoring.pages.probes import Answer

LOOKED_BACK = timedelta(days=1)
SHOWN_GROUPS = 5
LOOKED_AT = 500  # rows of a kind; more of them are no other trouble
TONES = {"healthy": "good", "degraded": "warn", "unhealthy": "bad", "unknown": "unknown"}
NAMES = {
    "database": "Database", "queues": "Queues", "redis": "Redis", "channel_layer": "Hints", "workers": "Workers",
    "camera_folder": "Camera folder", "cameras": "Cameras", "disk": "Disk", "detector": "Detector",
    "analyzer": "Analyser", "breakers": "Breakers", "migrations": "Migrations", "uploads": "Files",
    "notifications": "Notifications",
}  # fmt: skip
# Where the cause of a check's trouble is seen.
CAUSES = {
    "database": "configuration",
    "queues": "queues",
    "redis": "queues",
    "channel_layer": "queues",
    "workers": "hsi_workerheartbeat_changelist",
    "camera_folder": "configuration",
    "cameras": "cameras_camera_changelist",
    "disk": "monitoring_storagesample_changelist",
    "detector": "queues",
    "analyzer": "queues",
    "breakers": "queues",
    "migrations": "configuration",
    "uploads": "cameras_upload_changelist",
    "notifications": "events_delivery_changelist",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong. `link` leads to its cause."""

    tone: str
    what: str
    why: str
    link: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """All of it in a line, with what is wrong, the worst first, and how every part is."""

    tone: str
    words: str
    troubles: list[Trouble]
    parts: list[tuple[str, str, str, str]]  # name, tone, detail, link


def verdict(answers: dict[str, Answer], more: Sequence[Trouble], now: datetime) -> Verdict:
    """`more` is what else is wrong, that no check of health is about."""
    parts = [
        (NAMES.get(name, name), TONES[answer["status"]], answer["detail"], cause(name))
        for name, answer in answers.items()
    ]
    found = [Trouble(tone, name, detail, link) for name, tone, detail, link in parts if tone in ("bad", "warn")]
    found += [*letters(), *untold(now), *more, *pauses(), *failed_jobs(now)]
    found.sort(key=lambda trouble: trouble.tone != "bad")
    unknown = sum(tone == "unknown" for _, tone, _, _ in parts)
    if found:
        tone = found[0].tone
        return Verdict(tone, many(len(found), "thing needs you", "things need you"), found, parts)
    if unknown:
        return Verdict("unknown", f"{many(unknown, 'part has', 'parts have')} not answered yet", [], parts)
    return Verdict("good", "All well", [], parts)


def cause(check: str) -> str:
    return reverse(f"admin:{CAUSES.get(check, 'configuration')}")


def letters() -> list[Trouble]:
    return [
        Trouble(
            "bad",
            f"{many(group.count, 'dead letter')}: {group.error_type}",
            f"{group.queue}, since {clock(group.first_failed_at)}. {group.text}",
            f"{reverse('admin:letters')}?{group.query}",
        )
        for group in dead_letters.groups()[:SHOWN_GROUPS]
    ]


def untold(now: datetime) -> list[Trouble]:
    """Notifications that reached nobody, by channel: given up within a day, or still being tried."""
    rows = Delivery.objects.select_related("channel")
    dead = rows.filter(state=Delivery.State.DEAD, created_at__gte=now - LOOKED_BACK)
    failing = rows.filter(state=Delivery.State.FAILED, due_at__isnull=False)
    return [
        *by_channel("bad", "given up", dead.order_by("-created_at", "-id")),
        *by_channel("warn", "not sent yet", failing.order_by("due_at", "id")),
    ]


def by_channel(tone: str, what: str, deliveries: QuerySet[Delivery]) -> list[Trouble]:
    found: dict[int, list[Delivery]] = {}
    for delivery in deliveries[:LOOKED_AT]:
        found.setdefault(delivery.channel_id, []).append(delivery)
    return [
        Trouble(
            tone,
            f"{many(len(of), 'notification')} {what}: {of[0].channel}",
            f"Since {clock(min(one.created_at for one in of))}. {of[0].last_error}",
            f"{reverse('admin:events_delivery_changelist')}?state__exact={of[0].state}&channel__id__exact={channel}",
        )
        for channel, of in found.items()
    ]


def pauses() -> list[Trouble]:
    return [
        Trouble(
            "warn",
            f"{pause.queue} is paused",
            f"By {pause.paused_by}, {clock(pause.paused_at)}. Work waits.",
            reverse("admin:queues"),
        )
        for pause in QueuePause.objects.order_by("queue")
    ]


def failed_jobs(now: datetime) -> list[Trouble]:
    """Of each kind of housekeeping the newest run, where that failed."""
    newest: dict[str, JobRun] = {}
    for run in JobRun.objects.filter(started_at__gte=now - LOOKED_BACK).order_by("-started_at")[:LOOKED_AT]:
        newest.setdefault(run.name, run)
    return [
        Trouble(
            "warn",
            f"Housekeeping failed: {run.name}",
            f"{clock(run.started_at)}: {run.error}",
            f"{reverse('admin:monitoring_jobrun_changelist')}?outcome__exact=failed",
        )
        for run in newest.values()
        if run.outcome == JobRun.Outcome.FAILED
    ]


def clock(time: datetime) -> str:
    """The time of day at the site; with the date when it was another day."""
    local = localtime(time)
    return date_format(local, "H:i" if local.date() == localtime().date() else "j M H:i")
