"""The admin's navigation: what a person looks for, in groups, with how much waits there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.module_loading import import_string

from hsi.models import AuditEntry
from hsi.policies import System
from hsi.security import policy

# How much waits, in words, by the `counts` of an item.
COUNTS = "monitoring.pages.counts.counts"


@dataclass(frozen=True, slots=True)
class Item:
    """A list of rows (`place` is `app.model`), or a page for administrators (`place` is the name of its address).

    `counts` names what waits there, and `tone` how that looks.
    """

    title: str
    icon: str
    place: str
    counts: str = ""
    tone: str = "wait"

    @property
    def address(self) -> str:
        if "." not in self.place:
            return reverse(f"admin:{self.place}")
        return reverse(f"admin:{self.place.replace('.', '_')}_changelist")

    def may_be_seen(self, request: HttpRequest) -> bool:
        if "." not in self.place:
            return policy.may(request.user, "view", System)
        return bool(admin.site.get_model_admin(apps.get_model(self.place)).has_view_permission(request))


GROUPS: tuple[tuple[str, tuple[Item, ...]], ...] = (
    ("", (Item("Overview", "monitoring", "index"),)),
    (
        "Review",
        (
            Item("Events", "visibility", "events.event", "unreviewed"),
            Item("Detections", "frame_person", "detection.detection"),
            Item("Uploads", "photo_library", "cameras.upload", "uploads"),
            Item("Batches", "stacks", "detection.batch"),
        ),
    ),
    (
        "Alerts",
        (
            Item("Alerts", "notification_important", "events.alert", "alerts", "bad"),
            Item("Alert rules", "rule", "events.alertrule"),
            Item("Channels", "campaign", "events.notificationchannel"),
            Item("Deliveries", "outgoing_mail", "events.delivery"),
        ),
    ),
    ("Cameras", (Item("Cameras", "videocam", "cameras.camera"), Item("Zones", "polyline", "cameras.zone"))),
    (
        "Operations",
        (
            Item("Dead letters", "report", "letters", "dead_letters", "bad"),
            Item("Queues", "low_priority", "queues"),
            Item("Logs", "subject", "logs"),
            Item("Configuration", "tune", "configuration"),
            Item("Workers", "engineering", "hsi.workerheartbeat"),
            Item("Breakers", "electrical_services", "hsi.circuitbreaker"),
            Item("Queue jobs", "pending_actions", "hsi.queuejob"),
            Item("Housekeeping", "cleaning_services", "monitoring.jobrun"),
        ),
    ),
    (
        "Access",
        (
            Item("Users", "person", "auth.user"),
            Item("Groups", "group", "auth.group"),
            Item("Tokens", "key", "hsi.apitoken"),
            Item("Camera grants", "lock_person", "cameras.cameragrant"),
            Item("Failed logins", "lock", "hsi.loginfailure"),
        ),
    ),
    ("Audit", (Item("Audit log", "history", "hsi.auditentry"),)),
    (
        "Records",
        (
            Item("Dead letter rows", "inbox", "hsi.deadletter"),
            Item("Log rows", "article", "monitoring.logentry"),
            Item("Stream", "stream", "hsi.streammessage"),
            Item("Paused queues", "pause_circle", "hsi.queuepause"),
            Item("Changed settings", "tune", "hsi.livesetting"),
            Item("Graphics cards", "memory", "monitoring.gpusample"),
            Item("Room", "hard_drive", "monitoring.storagesample"),
            Item("Files to remove", "delete", "cameras.garbage"),
            Item("Files that wait", "hourglass_empty", "cameras.intakeproblem"),
        ),
    ),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """As django-unfold wants it. Counts are told only where they concern all that the user may see."""
    sees_all = policy.may(request.user, "view", System)
    counts: Mapping[str, str] | None = import_string(COUNTS)() if sees_all else None
    return [
        {
            "title": title,
            "separator": bool(title),
            "collapsible": title == "Records",
            "items": [shown(item, request, counts) for item in items if item.may_be_seen(request)],
        }
        for title, items in GROUPS
    ]


def shows_history(request: HttpRequest) -> bool:
    """Whether the pages of rows lead to the changes of a row."""
    return policy.may(request.user, "view", AuditEntry)


def shown(item: Item, request: HttpRequest, counts: Mapping[str, str] | None) -> dict[str, Any]:
    here = request.path == item.address if item.place == "index" else request.path.startswith(item.address)
    link = {"title": item.title, "icon": item.icon, "link": item.address, "active": here}
    waits = (
        {"counts": item.counts, "count": counts.get(item.counts, ""), "tone": item.tone} if counts is not None else {}
    )
    return link | waits
