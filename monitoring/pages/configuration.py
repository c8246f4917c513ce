"""Every setting with its value and source, what the checks say of them, and a button that tries the connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core import checks
from django.http import HttpRequest, HttpResponse

from hsi.options import SETTINGS
from monitoring.pages import connections
from monitoring.pages.page import OperationsPage
from monitoring.systemapi import SettingData, setting_data

SOURCES = {"default": "default", "process": "environment", "runtime": "runtime.env", ".env": ".env"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a system check found. `hint` is what to do about it."""

    tone: str
    kind: str
    id: str
    words: str
    hint: str


class Configuration(OperationsPage):
    template_name = "monitoring/configuration.html"
    title = "Configuration"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Try connections: the one that is named, or all."""
        tried = connections.try_out(request.POST.get("connection", ""))
        return self.render_to_response(self.get_context_data(tried=tried))

    def get_context_data(self, tried: dict[str, connections.Trial] | None = None, **kwargs: Any) -> dict[str, Any]:
        shown = [setting_data(setting, settings.CONFIGURATION) for setting in SETTINGS]
        trials = [(name, what, (tried or {}).get(name)) for name, what in connections.offered().items()]
        return {
            **super().get_context_data(**kwargs),
            "settings": [(setting, source(setting), setting["source"] != "default") for setting in shown],
            "changed": sum(setting["source"] != "default" for setting in shown),
            "findings": findings(),
            "trials": trials,
            "tried": tried,
        }


def source(setting: SettingData) -> str:
    return SOURCES.get(setting["source"], setting["source"])


def findings() -> list[Finding]:
    """What the system checks say, those for a reachable site too; the worst first."""
    found = checks.run_checks(include_deployment_checks=True)
    return [finding(one) for one in sorted(found, key=lambda one: (-one.level, str(one.id)))]


def finding(message: checks.CheckMessage) -> Finding:
    error, warning = message.level >= checks.ERROR, message.level >= checks.WARNING
    tone, kind = ("bad", "error") if error else ("warn", "warning") if warning else ("calm", "hint")
    return Finding(tone, kind, str(message.id), str(message.msg), str(message.hint or ""))
