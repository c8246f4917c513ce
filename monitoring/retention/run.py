"""One run of retention, as a generator: each step is a bounded part of the work."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from monitoring.retention import file_removal
from monitoring.retention.removal import remove
from monitoring.retention.rules import Limits, Reason, Rule, UsageBudget, position, rules
from monitoring.retention.units import CHUNK, DeletionUnit

logger = logging.getLogger(__name__)

FOR_ROOM = frozenset({Reason.CAMERA_SIZE, Reason.TOTAL_SIZE, Reason.FREE_SPACE})


@dataclass(frozen=True, slots=True)
class PruneStep:
    """The removed units of one step (in a dry run: the selected ones), with the reason. May be empty."""

    reason: Reason
    units: tuple[DeletionUnit, ...]


def prune(now: datetime, *, dry_run: bool = False) -> Iterator[PruneStep]:
    """Apply the rules, oldest units first, one chunk per step. A dry run removes nothing."""
    if not dry_run:
        file_removal.clear()
    limits = Limits.set_now()
    budget = UsageBudget.measured(limits)
    for rule in rules(now, budget, limits):
        if rule.reason in FOR_ROOM and file_removal.is_stuck():
            logger.error(
                "Too many files cannot be deleted, so no more data is removed to free space. See the garbage rows."
            )
            return
        if rule.enough(budget):
            continue
        for page in rule.pages():
            chosen = _chosen(rule, page, budget)
            for part in _parts(chosen):
                gone = part if dry_run else remove(part, rule.reason.name.lower())
                _book(rule, gone, part, budget)
                yield PruneStep(rule.reason, tuple(gone))
            if rule.reason in FOR_ROOM and rule.enough(budget):
                break


def _chosen(rule: Rule, page: list[DeletionUnit], budget: UsageBudget) -> list[DeletionUnit]:
    """Return the units of a page that the rule selects, until it has enough."""
    needed = UsageBudget(dict(budget.bytes_of), budget.missing_bytes, budget.newest_gone)
    chosen = []
    for unit in page:
        if rule.reason in FOR_ROOM and rule.enough(needed):
            break
        if rule.takes(unit, budget):
            chosen.append(unit)
            needed.book(unit)
    return chosen


def _parts(units: list[DeletionUnit]) -> Iterator[list[DeletionUnit]]:
    """Yield parts of about a chunk of uploads each, and one empty part for an empty page, which is also a step."""
    part: list[DeletionUnit] = []
    uploads = 0
    for unit in units:
        part.append(unit)
        uploads += len(unit.files)
        if uploads >= CHUNK:
            yield part
            part, uploads = [], 0
    if part or not units:
        yield part


def _book(rule: Rule, gone: list[DeletionUnit], chosen: list[DeletionUnit], budget: UsageBudget) -> None:
    for unit in gone:
        budget.book(unit)
    if rule.reason in FOR_ROOM:
        for unit in chosen:
            budget.newest_gone[unit.camera] = max(budget.newest_gone.get(unit.camera, position(unit)), position(unit))
