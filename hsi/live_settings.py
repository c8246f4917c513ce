"""Settings that may change while the system runs: rows that stand above what the environment says.

A row is the truth. Every process looks at the table now and then, in the thread of its recorder, and puts what it finds
onto `django.conf.settings`: whoever reads a setting there has the value that is in force, and asks nobody for it.
A row that cannot be used, as after an upgrade that allows less, is ignored, and said to be.
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

from hsi import audit
from hsi.config.environment import Configuration, contradictions
from hsi.config.options import SETTINGS, Setting
from hsi.config.parsing import parse
from hsi.errors import InvalidRequestError
from hsi.models import LiveSetting

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0  # how often a process looks
SOURCE = "database"
LIVE: dict[str, Setting] = {setting.name: setting for setting in SETTINGS if setting.live}
LONGEST = 1000
NAME = re.compile(r"[A-Z][A-Z0-9_]+")


@dataclass(frozen=True, slots=True)
class Reading:
    """What rows come to: values by name, and why those that cannot be used are ignored."""

    values: dict[str, Any] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)


def read(rows: Mapping[str, str]) -> Reading:
    """`rows` are texts by name. Of those that do not go together, or not with what is set elsewhere, none counts."""
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
    """(value, None), or (None, what is wrong)."""
    setting = LIVE.get(name)
    if setting is None:
        return None, "does not change while the system runs"
    if not text.strip() or len(text) > LONGEST or not text.isprintable():
        return None, f"must be {setting.allowed}"
    value, allowed = parse(setting, text)
    return (None, f"must be {allowed}") if allowed else (value, None)


def written(value: Any) -> str:
    """The value as it stands in a row or in `.env`, so that `parse` reads the same again."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return format(Decimal(str(value)), "f")
    return ",".join(value) if isinstance(value, list) else str(value)


class _Overlay:
    """The rows, as this process heeds them."""

    def __init__(self) -> None:
        self.reading = Reading()
        self._lock = threading.Lock()
        self._rows: dict[str, str] = {}
        self._before: dict[str, Any] = {}  # what stood where we have put something
        self._looked_at = float("-inf")

    def look(self) -> None:
        if time.monotonic() - self._looked_at >= LOOK_SECONDS:
            self.heed()

    def heed(self) -> None:
        with self._lock:
            rows = dict(LiveSetting.objects.values_list("name", "value"))
            self._looked_at = time.monotonic()
            if rows != self._rows:
                self._rows, self.reading = rows, read(rows)
                for name, fault in self.reading.ignored.items():
                    logger.warning("The live value of %s is ignored: %s", name, fault)
            self._put()

    def _put(self) -> None:
        """At every look: whoever read a setting at the very moment of its change may have put the old value back."""
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
            self.reading, self._rows, self._before, self._looked_at = Reading(), {}, {}, float("-inf")


_overlay = _Overlay()


def look() -> None:
    """Heed the rows, unless that was done within `LOOK_SECONDS`. Raises DatabaseError where they cannot be read."""
    _overlay.look()


def heed() -> None:
    """Heed the rows at once. Raises DatabaseError."""
    _overlay.heed()


def forget() -> None:
    """Know no row, as a new process does."""
    _overlay.forget()


def configuration() -> Configuration:
    """Every setting with its source, as this process heeds them now."""
    base: Configuration = settings.CONFIGURATION
    values = _overlay.reading.values
    sources = {**base.sources, **dict.fromkeys(values, SOURCE)}
    return replace(base, values={**base.values, **values}, sources=sources)


def ignored() -> dict[str, str]:
    """Why rows are not heeded, by name."""
    return dict(_overlay.reading.ignored)


def change(wanted: Mapping[str, str | None]) -> list[str]:
    """Set settings to texts; None: back to what the environment says. Returns the names of those that changed.

    Raises `InvalidRequestError` with what is wrong by name: then nothing is changed at all.
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
        transaction.on_commit(heed, robust=True)
    return changed


def _hold_rows() -> None:
    """Until the transaction ends nobody else changes any, so that what goes together is judged together."""
    if connection.vendor == "postgresql":  # SQLite has one writer anyway
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {LiveSetting._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")


def _faults(before: Reading, after: Reading, wanted: Mapping[str, str | None]) -> dict[str, str]:
    """What `wanted` makes wrong, by the names in it that take part."""
    faults = {}
    for name, fault in after.ignored.items():
        if name in wanted:
            faults[name] = fault
        elif name not in before.ignored:  # one that was well, and no longer goes together with what is wanted
            faults |= {one: fault for one in wanted if one in NAME.findall(fault)}
    return faults


def _change_one(name: str, rows: Mapping[str, str], before: Reading, after: Reading) -> bool:
    """Whether there was anything to change."""
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
    """Value and source for the audit log: as read, else as it stands in its row, else as the environment says."""
    base: Configuration = settings.CONFIGURATION
    if name in reading.values:
        return {"value": written(reading.values[name]), "source": SOURCE}
    if name in rows:
        return {"value": rows[name], "source": SOURCE}
    return {"value": written(base.values.get(name, "")), "source": base.sources.get(name, "")}
