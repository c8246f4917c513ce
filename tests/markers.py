"""Markers in secret inputs, and a look at everything that the system leaves behind for one of them.

text = markers.new("what it is entered as")
boss.post("/login", {"username": "ann", "password": text})
look_everywhere(markers, logs, boss)
"""

from __future__ import annotations

import importlib
import json
import logging
import pkgutil
import re
import secrets
from collections.abc import Iterator
from io import StringIO
from typing import Any

from django import forms
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from hsi.api.inputs import Input
from hsi.logs import buffer
from hsi.logs.formatters import JsonFormatter, LineFormatter
from hsi.models import DeadLetter
from monitoring.log_writer import entry
from monitoring.models import LogEntry
from tests import factories

OURS = ("hsi", "cameras", "detection", "events", "monitoring")
ADMIN_PAGES = (
    "events_notificationchannel", "events_delivery", "hsi_auditentry", "auth_user", "hsi_apitoken",
)  # fmt: skip


def every_kind(of: type) -> Iterator[type]:
    for kind in of.__subclasses__():
        yield kind
        yield from every_kind(kind)


def declared() -> dict[tuple[str, str], object]:
    """Every field of a body or a page of ours, by class and name."""
    for package in OURS:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if ".migrations." not in module.name and not module.name.endswith((".asgi", ".wsgi", "__main__")):
                importlib.import_module(module.name)
    found: dict[tuple[str, str], object] = {}
    for kind in (*every_kind(Input), *every_kind(forms.BaseForm)):
        if kind.__module__.partition(".")[0] in OURS:
            fields = getattr(kind, "_declared_fields", {}) or getattr(kind, "base_fields", {})
            found |= {(kind.__name__, name): field for name, field in fields.items()}
    return found


class Markers:
    """Makes markers, and finds them in whatever is left behind."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}
        self.answers: list[tuple[str, str]] = []

    def new(self, where: str) -> str:
        text = f"Mk{secrets.token_hex(6)}q"
        self.made[text] = where
        return text

    def found_in(self, text: str) -> set[str]:
        """Which inputs left theirs in `text`."""
        known = re.compile("|".join(self.made))
        return {self.made[one] for one in known.findall(text)}


class Logs(logging.Handler):
    """What console, file and database would be given, of everything that is logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.kept: list[buffer.Line] = []  # for the database
        self._buffer = buffer.BufferHandler()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += [LineFormatter().format(record), JsonFormatter().format(record)]
        line = self._buffer.prepare(record)
        self.lines.append(f"{line.message} {line.stack} {line.about}")
        if record.levelno >= logging.WARNING:
            self.kept.append(line)


class Person:
    """A browser and a program of an administrator: every answer is kept."""

    def __init__(self, markers: Markers, name: str = "") -> None:
        self.client, self._markers = Client(raise_request_exception=False), markers
        if name:
            self.client.force_login(factories.admin(name))

    def post(
        self, address: str, values: dict[str, Any], *, api: bool = False, method: str = "post", **headers: str
    ) -> Any:
        send = getattr(self.client, method)
        if api:
            answer = send(address, json.dumps(values), "application/json", headers=headers)
        else:
            answer = send(address, values, headers=headers)
        return self._kept(address, answer)

    def get(self, address: str, **headers: str) -> Any:
        return self._kept(address, self.client.get(address, headers=headers))

    def _kept(self, address: str, answer: Any) -> Any:
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        self._markers.answers.append((address, f"{body.decode('utf-8', 'replace')} {dict(answer.headers)}"))
        return answer


def rows() -> Iterator[tuple[str, str]]:
    """Every row of every table with all its columns, and sessions as they are read."""
    for model in apps.get_models(include_auto_created=True):
        for row in model._default_manager.values():
            yield model._meta.label, " ".join(map(str, row.values()))
    for session in Session.objects.all():
        yield "Session", str(session.get_decoded())


def look_everywhere(markers: Markers, logs: Logs, boss: Person) -> None:
    """Raise AssertionError that names each input whose marker is somewhere."""
    LogEntry.objects.bulk_create(entry(line) for line in logs.kept)
    written = StringIO()
    call_command("show_config", stdout=written)
    for letter in DeadLetter.objects.all():
        boss.get(f"/api/dead-letters/{letter.pk}")
        boss.get(reverse("admin:dead_letter", args=[letter.pk]))
    for kind in ("audit", "logs", "notification-channels", "deliveries", "dead-letters", "tokens", "jobs"):
        boss.get(f"/api/{kind}?limit=1000")
    for address in (
        "system/config",
        "system/breakers",
        "system/health",
        "audit/export?format=csv",
        "audit/export?format=json",
    ):
        boss.get(f"/api/{address}")
    for name in ("configuration", "logs", "dead_letters", "queues", "overview"):
        boss.get(reverse(f"admin:{name}") if name != "overview" else reverse("admin:index"))
    for model in ADMIN_PAGES:
        boss.get(reverse(f"admin:{model}_changelist"))
        app, name = model.split("_")
        for row in apps.get_model(app, name)._default_manager.order_by("-pk")[:6]:
            boss.get(reverse(f"admin:{model}_change", args=[row.pk]))
            if name in ("user", "notificationchannel"):
                boss.get(reverse(f"admin:{model}_history", args=[row.pk]))
    left = [(f"table {label}", markers.found_in(text)) for label, text in rows()]
    left += [("log", markers.found_in(line)) for line in logs.lines]
    left += [(f"page {address}", markers.found_in(text)) for address, text in markers.answers]
    left.append(("show_config", markers.found_in(written.getvalue())))
    assert {(place, where) for place, found in left for where in found} == set()
