"""The configuration page: settings with value and source, a form for live settings, system checks, connection tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core import checks
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.http import urlencode

from hsi import live_settings
from hsi.config.options import SETTINGS, Setting
from hsi.errors import InvalidRequestError
from hsi.live_settings import LIVE, written
from hsi.models import LiveSetting
from monitoring.api.system import SettingData, setting_data
from monitoring.pages import connections
from monitoring.pages.page import OperationsPage

SOURCES = {"default": "default", "process": "environment", "runtime": "runtime.env", ".env": ".env"}
KEYBOARDS = {int: "numeric", float: "decimal"}


@dataclass(frozen=True, slots=True)
class Finding:
    """A message of a system check. `hint` says how to fix it."""

    tone: str
    kind: str
    id: str
    words: str
    hint: str


class Configuration(OperationsPage):
    template_name = "monitoring/configuration.html"
    title = "Configuration"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Test one or all connections, reset a setting, or change settings."""
        if "connection" in request.POST:
            tried = connections.try_out(request.POST["connection"])
            return self.render_to_response(self.get_context_data(tried=tried))
        if "reset" in request.POST:
            return self._reset(request, request.POST["reset"])
        return self._change(request, changed_in(request.POST))

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
        fields = live_fields(typed or {}, faults or {})
        fixed = [setting_data(setting, settings.CONFIGURATION) for setting in SETTINGS if not setting.live]
        trials = [(name, what, (tried or {}).get(name)) for name, what in connections.offered().items()]
        return {
            **super().get_context_data(**kwargs),
            "fields": fields,
            "wrong": [field for field in fields if field.fault],
            "ignored": ignored_rows(),
            "fixed": [(setting, source(setting), setting["source"] != "default") for setting in fixed],
            "changed": sum(setting["source"] != "default" for setting in fixed) + sum(field.is_set for field in fields),
            "findings": findings(),
            "trials": trials,
            "tried": tried,
        }


def in_force(names: list[str]) -> str:
    """Describe the new values of these settings. A name without a value was only a stale row."""
    live_settings.apply_changes()
    values = live_settings.configuration().values
    words = [f"{name} is {written(values[name])}" if name in values else f"{name} is gone" for name in names]
    return ", ".join(words)


def source(setting: SettingData) -> str:
    return SOURCES.get(setting["source"], setting["source"])


def findings() -> list[Finding]:
    """Run the system checks, including deployment checks. Return the messages, worst first."""
    reports = checks.run_checks(include_deployment_checks=True)
    return [finding(one) for one in sorted(reports, key=lambda one: (-one.level, str(one.id)))]


def finding(message: checks.CheckMessage) -> Finding:
    error, warning = message.level >= checks.ERROR, message.level >= checks.WARNING
    tone, kind = ("bad", "error") if error else ("warn", "warning") if warning else ("calm", "hint")
    return Finding(tone, kind, str(message.id), str(message.msg), str(message.hint or ""))


@dataclass(frozen=True, slots=True)
class Field:
    """A live setting. `value` is its current value and `typed` the content of the field, both as in `.env`.

    `beneath` is the value without the row, and `underlying` the source of that value. `row` exists if it is set here.
    """

    setting: Setting
    value: str
    typed: str
    fault: str
    beneath: str
    underlying: str
    row: LiveSetting | None

    @property
    def name(self) -> str:
        return self.setting.name

    @property
    def default(self) -> str:
        return written(self.setting.default)

    @property
    def is_yes_or_no(self) -> bool:
        return self.setting.type is bool

    @property
    def keyboard(self) -> str:
        return KEYBOARDS.get(self.setting.type, "text")

    @property
    def is_set(self) -> bool:
        return self.row is not None or self.underlying != SOURCES["default"]

    @property
    def in_words(self) -> str:
        """Return a number of bytes with its unit."""
        return str(filesizeformat(self.value)) if self.name.endswith("_BYTES") and self.value != "0" else ""

    @property
    def history(self) -> str:
        """Return the address of the setting's audit entries."""
        asked = urlencode({"q": f"setting {self.name}"})
        return f"{reverse('admin:hsi_auditentry_changelist')}?{asked}"


@dataclass(frozen=True, slots=True)
class Ignored:
    """A row that is ignored because its value is invalid."""

    row: LiveSetting
    fault: str


def live_fields(typed: Mapping[str, str], faults: Mapping[str, str]) -> list[Field]:
    """Return all live settings with their current values, and after an error with the input and the faults."""
    rows = LiveSetting.objects.in_bulk()
    ignored = live_settings.ignored()
    values = live_settings.configuration().values
    base = settings.CONFIGURATION
    return [
        Field(
            setting=setting,
            value=written(values[name]),
            typed=typed.get(name, written(values[name])),
            fault=faults.get(name, ""),
            beneath=written(base.values[name]),
            underlying=SOURCES.get(base.sources[name], base.sources[name]),
            row=None if name in ignored else rows.get(name),
        )
        for name, setting in LIVE.items()
    ]


def ignored_rows() -> list[Ignored]:
    faults = live_settings.ignored()
    return [Ignored(row, faults[row.name]) for row in LiveSetting.objects.filter(pk__in=faults).order_by("name")]


def changed_in(form: Mapping[str, Any]) -> dict[str, str]:
    """Return the edited fields of the form: those that differ from what the page showed.

    Concurrent changes to other settings are kept.
    """
    texts = {name: str(form[name]).strip() for name in LIVE if name in form}
    return {name: text for name, text in texts.items() if text != form.get(f"was-{name}")}
