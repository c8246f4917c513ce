"""Every setting with its value and source, those that may change as a form; what the checks say; connections, tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core import checks
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from hsi import live_settings
from hsi.config.options import SETTINGS
from hsi.errors import InvalidRequestError
from monitoring.api.system import SettingData, setting_data
from monitoring.pages import connections
from monitoring.pages import live_settings as form
from monitoring.pages.live_settings import SOURCES
from monitoring.pages.page import OperationsPage


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
        """Try connections (the one that is named, or all), take a setting back, or change some."""
        if "connection" in request.POST:
            tried = connections.try_out(request.POST["connection"])
            return self.render_to_response(self.get_context_data(tried=tried))
        if "reset" in request.POST:
            return self._reset(request, request.POST["reset"])
        return self._change(request, form.wanted(request.POST))

    def _reset(self, request: HttpRequest, name: str) -> HttpResponse:
        try:
            done = live_settings.change({name: None})
        except InvalidRequestError as error:
            messages.error(request, f"Nothing was changed. {' '.join((error.errors or {}).values())}.")
        else:
            messages.success(request, f"{in_force(done)}." if done else "It was not set here.")
        return HttpResponseRedirect(reverse("admin:configuration"))

    def _change(self, request: HttpRequest, wanted: dict[str, str]) -> HttpResponse:
        try:
            done = live_settings.change(wanted)
        except InvalidRequestError as error:
            return self.render_to_response(self.get_context_data(typed=wanted, faults=error.errors))
        messages.success(request, f"{in_force(done)}." if done else "Nothing was changed.")
        return HttpResponseRedirect(reverse("admin:configuration"))

    def get_context_data(
        self,
        tried: dict[str, connections.Trial] | None = None,
        typed: dict[str, str] | None = None,
        faults: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        live_settings.apply_changes()
        fields = form.fields(typed or {}, faults or {})
        fixed = [setting_data(setting, settings.CONFIGURATION) for setting in SETTINGS if not setting.live]
        trials = [(name, what, (tried or {}).get(name)) for name, what in connections.offered().items()]
        return {
            **super().get_context_data(**kwargs),
            "fields": fields,
            "wrong": [field for field in fields if field.fault],
            "ignored": form.ignored(),
            "fixed": [(setting, source(setting), setting["source"] != "default") for setting in fixed],
            "changed": sum(setting["source"] != "default" for setting in fixed) + sum(field.is_set for field in fields),
            "findings": findings(),
            "trials": trials,
            "tried": tried,
        }


def in_force(names: list[str]) -> str:
    """What these settings are from now on. One that is none any more was only a row."""
    live_settings.apply_changes()
    values = live_settings.configuration().values
    words = [
        f"{name} is {live_settings.written(values[name])}" if name in values else f"{name} is gone" for name in names
    ]
    return ", ".join(words)


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
