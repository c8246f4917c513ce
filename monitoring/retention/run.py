"""One run of retention, as a generator: each turn is a bounded piece of work."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from monitoring.retention import file_removal
from monitoring.retention.removal import remove
from monitoring.retention.rules import Ledger, Limits, Reason, Rule, position, rules
from monitoring.retention.units import CHUNK, Unit

logger = logging.getLogger(__name__)

FOR_ROOM = frozenset({Reason.CAMERA_SIZE, Reason.TOTAL_SIZE, Reason.FREE_SPACE})


@dataclass(frozen=True, slots=True)
class Turn:
    """One piece of work: what went (or, in a dry run, would go) for which reason. May be nothing."""

    reason: Reason
    units: tuple[Unit, ...]


def prune(now: datetime, *, dry_run: bool = False) -> Iterator[Turn]:
    """Remove what the rules say, oldest first, a chunk a turn. A dry run walks the same way and removes nothing."""
    if not dry_run:
        file_removal.clear()
    limits = Limits.set_now()
    ledger = Ledger.measured(limits)
    for rule in rules(now, ledger, limits):
        if rule.reason in FOR_ROOM and file_removal.is_stuck():
            logger.error("Files cannot be deleted, so nothing more is removed for room: look at the garbage rows.")
            return
        if rule.enough(ledger):
            continue
        for page in rule.pages():
            chosen = _chosen(rule, page, ledger)
            for part in _parts(chosen):
                gone = part if dry_run else remove(part, rule.reason.name.lower())
                _book(rule, gone, part, ledger)
                yield Turn(rule.reason, tuple(gone))
            if rule.reason in FOR_ROOM and rule.enough(ledger):
                break


def _chosen(rule: Rule, page: list[Unit], ledger: Ledger) -> list[Unit]:
    """Those of a page that the rule takes, no more than it needs."""
    needed = Ledger(dict(ledger.bytes_of), ledger.missing_bytes, ledger.newest_gone)
    chosen = []
    for unit in page:
        if rule.reason in FOR_ROOM and rule.enough(needed):
            break
        if rule.takes(unit, ledger):
            chosen.append(unit)
            needed.book(unit)
    return chosen


def _parts(units: list[Unit]) -> Iterator[list[Unit]]:
    """Pieces of work of about a chunk of uploads each. One that is empty where there are none: that page was a turn."""
    part: list[Unit] = []
    uploads = 0
    for unit in units:
        part.append(unit)
        uploads += len(unit.pieces)
        if uploads >= CHUNK:
            yield part
            part, uploads = [], 0
    if part or not units:
        yield part


def _book(rule: Rule, gone: list[Unit], chosen: list[Unit], ledger: Ledger) -> None:
    for unit in gone:
        ledger.book(unit)
    if rule.reason in FOR_ROOM:
        for unit in chosen:
            ledger.newest_gone[unit.camera] = max(ledger.newest_gone.get(unit.camera, position(unit)), position(unit))
