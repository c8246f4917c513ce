"""When retention works. Housekeeping gives it one turn after another, and its other work comes in between."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.utils import timezone

from monitoring.job_runs import Run
from monitoring.retention import orphans, records, rules, storage
from monitoring.retention.run import Turn, prune

logger = logging.getLogger(__name__)

PRUNE_SECONDS = 600.0
ROOM_SECONDS = 60.0  # how soon room is looked for again while the disk is short of it
RECORDS_SECONDS = 3600.0
ORPHANS_SECONDS = 24 * 3600.0
STORAGE_SECONDS = 6 * 3600.0
STORAGE_FIRST_SECONDS = 60.0
ORPHANS_FIRST_SECONDS = 300.0  # not in the first minutes, which belong to what waited


@dataclass(slots=True)
class Task:
    """Work that recurs. `due_at` is on the monotonic clock; `counted` is what its turns give the number of."""

    name: str
    counted: str
    start: Callable[[], Iterator[int]]
    every_seconds: float
    due_at: float


class Retention:
    """Does one bounded piece of the task at hand with each `turn`."""

    def __init__(self) -> None:
        now = time.monotonic()
        self._pruning = Task("prune", "removed", _prune, PRUNE_SECONDS, now)
        self._tasks = [
            self._pruning,
            Task("records", "removed", lambda: records.forget(timezone.now()), RECORDS_SECONDS, now),
            Task(
                "storage", "samples", lambda: storage.measure(timezone.now()), STORAGE_SECONDS,
                now + STORAGE_FIRST_SECONDS,
            ),
            Task(
                "orphans", "repaired", lambda: orphans.sweep(time.time_ns()), ORPHANS_SECONDS,
                now + ORPHANS_FIRST_SECONDS,
            ),
        ]  # fmt: skip
        self._at_hand: Iterator[None] | None = None
        self._room_at = now

    def turn(self) -> bool:
        """Whether more waits to be done at once."""
        if self._at_hand is None and (task := self._due(time.monotonic())) is not None:
            task.due_at = time.monotonic() + task.every_seconds
            self._at_hand = _recorded(task)
        if self._at_hand is None:
            return False
        try:
            next(self._at_hand)
        except StopIteration:
            self._at_hand = None
            return self._due(time.monotonic()) is not None
        except BaseException:
            self._at_hand = None
            raise
        return True

    def _due(self, now: float) -> Task | None:
        if now >= self._room_at:
            self._room_at = now + ROOM_SECONDS
            if rules.missing_bytes():
                self._pruning.due_at = min(self._pruning.due_at, now)
        return next((task for task in self._tasks if task.due_at <= now), None)


def _recorded(task: Task) -> Iterator[None]:
    """The turns of a task, and its row."""
    run = Run(task.name)
    try:
        for number in task.start():
            run.count(task.counted, number)
            yield
    except Exception as error:
        run.failed(error)
        raise
    run.done()


def _prune() -> Iterator[int]:
    for turn in prune(timezone.now()):
        if turn.units:
            _log(turn)
        yield len(turn.units)


def _log(turn: Turn) -> None:
    files = sum(len(unit.pieces) for unit in turn.units)
    logger.info("Removed %d uploads with their events (%s)", files, turn.reason.value)
