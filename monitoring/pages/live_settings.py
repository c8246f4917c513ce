"""The part of the configuration page where settings are changed while the system runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.http import urlencode

from hsi import live_settings
from hsi.config.options import Setting
from hsi.live_settings import LIVE, written
from hsi.models import LiveSetting

SOURCES = {"default": "default", "process": "environment", "runtime": "runtime.env", ".env": ".env"}
KEYBOARDS = {int: "numeric", float: "decimal"}


@dataclass(frozen=True, slots=True)
class Field:
    """A setting that can be changed here. `value` is in force, `typed` stands in the field, both as in `.env`.

    `beneath` is what holds when the row is removed, `underlying` where that comes from. `row`: who has set it here.
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
        """A large number of bytes as a person says it."""
        return str(filesizeformat(self.value)) if self.name.endswith("_BYTES") and self.value != "0" else ""

    @property
    def history(self) -> str:
        """Where the audit log tells of it."""
        asked = urlencode({"q": f"setting {self.name}"})
        return f"{reverse('admin:hsi_auditentry_changelist')}?{asked}"


@dataclass(frozen=True, slots=True)
class Ignored:
    """A row that cannot be used."""

    row: LiveSetting
    fault: str


def fields(typed: Mapping[str, str], faults: Mapping[str, str]) -> list[Field]:
    """Every setting that can be changed, as it is in force; after a refusal with what was typed, and what is wrong."""
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


def ignored() -> list[Ignored]:
    faults = live_settings.ignored()
    return [Ignored(row, faults[row.name]) for row in LiveSetting.objects.filter(pk__in=faults).order_by("name")]


def wanted(form: Mapping[str, Any]) -> dict[str, str]:
    """What a person has changed in the form: fields that no longer hold what the page showed.

    What somebody else has changed meanwhile is thereby left as it is.
    """
    texts = {name: str(form[name]).strip() for name in LIVE if name in form}
    return {name: text for name, text in texts.items() if text != form.get(f"was-{name}")}
