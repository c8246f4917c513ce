"""The overall status: what is wrong, why, and where to fix it."""

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
from monitoring.pages.probes import ProbeResult

LOOKED_BACK = timedelta(days=1)
SHOWN_GROUPS = 5
LOOKED_AT = 500  # newest rows per kind
TONES = {"healthy": "good", "degraded": "warn", "unhealthy": "bad", "unknown": "unknown"}
NAMES = {
    "database": "Database", "queues": "Queues", "redis": "Redis", "channel_layer": "Wake-ups", "workers": "Workers",
    "camera_folder": "Camera folder", "cameras": "Cameras", "disk": "Disk", "detector": "Detector",
    "analyzer": "Analyser", "breakers": "Breakers", "migrations": "Migrations", "uploads": "Files",
    "notifications": "Notifications",
}  # fmt: skip
# The page that shows the cause of a failed check.
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
class Issue:
    """One thing that is wrong. `link` leads to its cause."""

    tone: str
    what: str
    why: str
    link: str


@dataclass(frozen=True, slots=True)
class OverallStatus:
    """The status in one line, the issues (worst first), and the result of every check."""

    tone: str
    words: str
    issues: list[Issue]
    checks: list[tuple[str, str, str, str]]  # name, tone, detail, link


def overall_status(answers: dict[str, ProbeResult], more: Sequence[Issue], now: datetime) -> OverallStatus:
    """Combine the health checks with issues that no check covers (`more` and those found here)."""
    checks = [
        (NAMES.get(name, name), TONES[answer["status"]], answer["detail"], cause(name))
        for name, answer in answers.items()
    ]
    issues = [Issue(tone, name, detail, link) for name, tone, detail, link in checks if tone in ("bad", "warn")]
    issues += [*dead_letter_issues(), *delivery_issues(now), *more, *pause_issues(), *job_issues(now)]
    issues.sort(key=lambda issue: issue.tone != "bad")
    unknown = sum(tone == "unknown" for _, tone, _, _ in checks)
    if issues:
        tone = issues[0].tone
        return OverallStatus(tone, many(len(issues), "issue"), issues, checks)
    if unknown:
        return OverallStatus("unknown", f"{many(unknown, 'part has', 'parts have')} not answered yet", [], checks)
    return OverallStatus("good", "All well", [], checks)


def cause(check: str) -> str:
    return reverse(f"admin:{CAUSES.get(check, 'configuration')}")


def dead_letter_issues() -> list[Issue]:
    return [
        Issue(
            "bad",
            f"{many(group.count, 'dead letter')}: {group.error_type}",
            f"{group.queue}, since {clock(group.first_failed_at)}. {group.text}",
            f"{reverse('admin:dead_letters')}?{group.query}",
        )
        for group in dead_letters.groups()[:SHOWN_GROUPS]
    ]


def delivery_issues(now: datetime) -> list[Issue]:
    """Failed notifications by channel: dead since yesterday, or waiting for another attempt."""
    rows = Delivery.objects.select_related("channel")
    dead = rows.filter(state=Delivery.State.DEAD, created_at__gte=now - LOOKED_BACK)
    failing = rows.filter(state=Delivery.State.FAILED, due_at__isnull=False)
    return [
        *by_channel("bad", "given up", dead.order_by("-created_at", "-id")),
        *by_channel("warn", "not sent yet", failing.order_by("due_at", "id")),
    ]


def by_channel(tone: str, what: str, deliveries: QuerySet[Delivery]) -> list[Issue]:
    issues: dict[int, list[Delivery]] = {}
    for delivery in deliveries[:LOOKED_AT]:
        issues.setdefault(delivery.channel_id, []).append(delivery)
    return [
        Issue(
            tone,
            f"{many(len(rows), 'notification')} {what}: {rows[0].channel}",
            f"Since {clock(min(row.created_at for row in rows))}. {rows[0].last_error}",
            f"{reverse('admin:events_delivery_changelist')}?state__exact={rows[0].state}&channel__id__exact={channel}",
        )
        for channel, rows in issues.items()
    ]


def pause_issues() -> list[Issue]:
    return [
        Issue(
            "warn",
            f"{pause.queue} is paused",
            f"By {pause.paused_by}, {clock(pause.paused_at)}. Work waits.",
            reverse("admin:queues"),
        )
        for pause in QueuePause.objects.order_by("queue")
    ]


def job_issues(now: datetime) -> list[Issue]:
    """The newest run of each housekeeping job, if it failed."""
    newest: dict[str, JobRun] = {}
    for run in JobRun.objects.filter(started_at__gte=now - LOOKED_BACK).order_by("-started_at")[:LOOKED_AT]:
        newest.setdefault(run.name, run)
    return [
        Issue(
            "warn",
            f"Housekeeping failed: {run.name}",
            f"{clock(run.started_at)}: {run.error}",
            f"{reverse('admin:monitoring_jobrun_changelist')}?outcome__exact=failed",
        )
        for run in newest.values()
        if run.outcome == JobRun.Outcome.FAILED
    ]


def clock(time: datetime) -> str:
    """Format as local time of day, with the date if it is not today."""
    local = localtime(time)
    return date_format(local, "H:i" if local.date() == localtime().date() else "j M H:i")
