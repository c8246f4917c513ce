"""The schedule of retention. Housekeeping calls `Retention.step` between its other tasks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.utils import timezone

from monitoring.job_runs import Run
from monitoring.retention import orphans, records, rules, storage
from monitoring.retention.run import PruneStep, prune

logger = logging.getLogger(__name__)

PRUNE_SECONDS = 600.0
SPACE_CHECK_SECONDS = 60.0  # interval of the free space check
RECORDS_SECONDS = 3600.0
ORPHANS_SECONDS = 24 * 3600.0
STORAGE_SECONDS = 6 * 3600.0
STORAGE_FIRST_SECONDS = 60.0
ORPHANS_FIRST_SECONDS = 300.0  # leaves the first minutes after a start to waiting work


@dataclass(slots=True)
class PeriodicTask:
    """Work that is due at an interval. `due_at` is on the monotonic clock; `counted` names its count."""

    name: str
    counted: str
    start: Callable[[], Iterator[int]]
    every_seconds: float
    due_at: float


class Retention:
    """Does a bounded part of the current task with each `step`."""

    def __init__(self) -> None:
        now = time.monotonic()
        self._pruning = PeriodicTask("prune", "removed", _prune, PRUNE_SECONDS, now)
        self._tasks = [
            self._pruning,
            PeriodicTask("records", "removed", lambda: records.forget(timezone.now()), RECORDS_SECONDS, now),
            PeriodicTask(
                "storage", "samples", lambda: storage.measure(timezone.now()), STORAGE_SECONDS,
                now + STORAGE_FIRST_SECONDS,
            ),
            PeriodicTask(
                "orphans", "repaired", lambda: orphans.sweep(time.time_ns()), ORPHANS_SECONDS,
                now + ORPHANS_FIRST_SECONDS,
            ),
        ]  # fmt: skip
        self._current: Iterator[None] | None = None
        self._space_check_at = now

    def step(self) -> bool:
        """Do one step. Return True if more work is due now."""
        if self._current is None and (task := self._due(time.monotonic())) is not None:
            task.due_at = time.monotonic() + task.every_seconds
            self._current = _steps(task)
        if self._current is None:
            return False
        try:
            next(self._current)
        except StopIteration:
            self._current = None
            return self._due(time.monotonic()) is not None
        except BaseException:
            self._current = None
            raise
        return True

    def _due(self, now: float) -> PeriodicTask | None:
        if now >= self._space_check_at:
            self._space_check_at = now + SPACE_CHECK_SECONDS
            if rules.missing_bytes():
                self._pruning.due_at = min(self._pruning.due_at, now)
        return next((task for task in self._tasks if task.due_at <= now), None)


def _steps(task: PeriodicTask) -> Iterator[None]:
    """Run the steps of a task, and record them in a job run."""
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
    for step in prune(timezone.now()):
        if step.units:
            _log(step)
        yield len(step.units)


def _log(step: PruneStep) -> None:
    files = sum(len(unit.files) for unit in step.units)
    logger.info("Removed %d uploads with their events (%s)", files, step.reason.value)
