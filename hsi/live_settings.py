"""Settings that can change while the system runs: rows that override the environment.

Every process polls the table in its background thread and writes the values to `django.conf.settings`. So code reads
`settings` as usual, without a query. A row that is invalid, for example after an upgrade, is ignored and reported.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from hsi import audit, process_state
from hsi.config.environment import Configuration, contradictions
from hsi.config.options import SETTINGS, Setting
from hsi.config.parsing import parse
from hsi.errors import InvalidRequestError
from hsi.models import LiveSetting

logger = logging.getLogger(__name__)

POLL_SECONDS = 2.0
SOURCE = "database"
LIVE: dict[str, Setting] = {setting.name: setting for setting in SETTINGS if setting.live}
LONGEST = 1000
NAME = re.compile(r"[A-Z][A-Z0-9_]+")


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of parsing rows: values by name, and the reasons why others are ignored."""

    values: dict[str, Any] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)


def read(rows: Mapping[str, str]) -> Reading:
    """Parse `rows`, texts by name. Rows that contradict each other or the environment are ignored."""
    reading = Reading()
    for name, text in rows.items():
        value, fault = _value(name, text)
        if fault:
            reading.ignored[name] = fault
        else:
            reading.values[name] = value
    for fault in contradictions({**settings.CONFIGURATION.values, **reading.values}):
        for name in NAME.findall(fault):
            if reading.values.pop(name, None) is not None:
                reading.ignored[name] = fault
    return reading


def _value(name: str, text: str) -> tuple[Any, str | None]:
    """Return (value, None) or (None, the fault)."""
    setting = LIVE.get(name)
    if setting is None:
        return None, "does not change while the system runs"
    if not text.strip() or len(text) > LONGEST or not text.isprintable():
        return None, f"must be {setting.allowed}"
    value, allowed = parse(setting, text)
    return (None, f"must be {allowed}") if allowed else (value, None)


def written(value: Any) -> str:
    """Return the text of a value for a row or for `.env`, which `parse` reads back."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return format(Decimal(str(value)), "f")
    return ",".join(value) if isinstance(value, list) else str(value)


class _Overlay:
    """The rows that are in force in this process."""

    def __init__(self) -> None:
        self.reading = Reading()
        self._lock = threading.Lock()
        self._rows: dict[str, str] = {}
        self._before: dict[str, Any] = {}  # the values that were replaced
        self._polled_at = float("-inf")

    def poll(self) -> None:
        if time.monotonic() - self._polled_at >= POLL_SECONDS:
            self.apply_changes()

    def apply_changes(self) -> None:
        with self._lock:
            rows = dict(LiveSetting.objects.values_list("name", "value"))
            self._polled_at = time.monotonic()
            if rows != self._rows:
                self._rows, self.reading = rows, read(rows)
                for name, fault in self.reading.ignored.items():
                    logger.warning("The live value of %s is ignored: %s", name, fault)
            self._write()

    def _write(self) -> None:
        """Write the values to `settings`. Runs on every poll, because a concurrent reader may restore an old value."""
        for name in self.reading.values:
            self._before.setdefault(name, getattr(settings, name))
        for name, value in {**self._before, **self.reading.values}.items():
            if getattr(settings, name) != value:
                setattr(settings, name, value)
                logger.info("%s is %s from now on", name, written(value))

    def forget(self) -> None:
        with self._lock:
            for name, value in self._before.items():
                if getattr(settings, name) == self.reading.values.get(name):
                    setattr(settings, name, value)
            self.reading, self._rows, self._before, self._polled_at = Reading(), {}, {}, float("-inf")


_overlay = _Overlay()


def poll() -> None:
    """Apply changed rows, at most once in `POLL_SECONDS`. Raises DatabaseError."""
    _overlay.poll()


def apply_changes() -> None:
    """Apply changed rows at once. Raises DatabaseError."""
    _overlay.apply_changes()


def forget() -> None:
    """Restore the values of the environment, as in a new process."""
    _overlay.forget()


process_state.register(forget)


def configuration() -> Configuration:
    """Return every setting with its value and source, as they are in force in this process."""
    base: Configuration = settings.CONFIGURATION
    values = _overlay.reading.values
    sources = {**base.sources, **dict.fromkeys(values, SOURCE)}
    return replace(base, values={**base.values, **values}, sources=sources)


def ignored() -> dict[str, str]:
    """Return why rows are ignored, by name."""
    return dict(_overlay.reading.ignored)


def change(wanted: Mapping[str, str | None]) -> list[str]:
    """Set settings to texts, or with None back to the environment. Return the names of those that changed.

    Raises InvalidRequestError with the faults by name; then nothing is changed.
    """
    with transaction.atomic():
        _hold_rows()
        rows = dict(LiveSetting.objects.values_list("name", "value"))
        before = read(rows)
        after = {name: text for name, text in {**rows, **wanted}.items() if text is not None}
        reading = read(after)
        if faults := _faults(before, reading, wanted):
            raise InvalidRequestError(errors=faults)
        changed = [name for name in wanted if _change_one(name, rows, before, reading)]
        transaction.on_commit(apply_changes, robust=True)
    return changed


def _hold_rows() -> None:
    """Lock the rows until the transaction ends, so that no concurrent change contradicts this one."""
    if connection.vendor == "postgresql":  # SQLite has one writer anyway
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {LiveSetting._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")


def _faults(before: Reading, after: Reading, wanted: Mapping[str, str | None]) -> dict[str, str]:
    """Return the faults that `wanted` causes, by the names in it."""
    faults = {}
    for name, fault in after.ignored.items():
        if name in wanted:
            faults[name] = fault
        elif name not in before.ignored:  # a valid row that contradicts `wanted`
            faults |= {one: fault for one in wanted if one in NAME.findall(fault)}
    return faults


def _change_one(name: str, rows: Mapping[str, str], before: Reading, after: Reading) -> bool:
    """Store one setting with its entry in the audit log. Return whether it changed."""
    was, now = _shown(name, rows, before), _shown(name, {}, after)
    if name in after.values:
        if was["value"] == now["value"] and (name in rows) == (name in before.values):
            return False
        more = {"value": now["value"], "changed_at": timezone.now(), "changed_by": audit.acting_user()}
        LiveSetting.objects.update_or_create(name=name, defaults=more)
    elif name in rows:
        LiveSetting.objects.filter(pk=name).delete()
    else:
        return False
    action = "setting_changed" if name in after.values else "setting_reset"
    audit.record(action, f"setting {name}", before=was, after=now)
    return True


def _shown(name: str, rows: Mapping[str, str], reading: Reading) -> dict[str, str]:
    """Return value and source for the audit log: as parsed, else as in the row, else as in the environment."""
    base: Configuration = settings.CONFIGURATION
    if name in reading.values:
        return {"value": written(reading.values[name]), "source": SOURCE}
    if name in rows:
        return {"value": rows[name], "source": SOURCE}
    return {"value": written(base.values.get(name, "")), "source": base.sources.get(name, "")}
