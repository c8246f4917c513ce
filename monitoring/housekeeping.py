"""The housekeeping loop: reconciling, offline and frozen cameras, health, bulk jobs, GPU samples and retention."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from cameras.offline import OfflineMonitor
from detection.relevance.repeats import CHECK_SECONDS, report_repeating_cameras
from hsi.db import clock
from hsi.queues import backpressure
from hsi.workers.loop import Loop
from monitoring import bulk_jobs, habit_fill
from monitoring.health.monitor import publish_health, publish_workers
from monitoring.metrics import counters
from monitoring.metrics.gpu import Poller
from monitoring.reconcile import reconcile
from monitoring.retention.schedule import Retention

logger = logging.getLogger(__name__)

RECONCILE_SECONDS = 15.0
PUBLISH_SECONDS = 5.0
BULK_JOB_SECONDS = 1.0
# Health is first checked after this time, because workers are still starting.
SETTLE_SECONDS = 20.0


class PeriodicTask:
    """Work that is due at an interval. `due_at` is a time of the monotonic clock."""

    def __init__(self, work: Callable[[], object], every_seconds: float, first_seconds: float = 0.0) -> None:
        self._work = work
        self._every_seconds = every_seconds
        self.due_at = time.monotonic() + first_seconds

    def run_if_due(self) -> None:
        """Do the work if it is due."""
        if time.monotonic() >= self.due_at:
            self.due_at = time.monotonic() + self._every_seconds
            self._work()


class Housekeeper(Loop):
    """Runs the periodic tasks, and one step of retention between them."""

    def __init__(self) -> None:
        super().__init__("housekeeping")
        self._retention = Retention()
        self._gpu = Poller()
        offline_monitor = OfflineMonitor()
        self._tasks = (
            PeriodicTask(self._reconcile, RECONCILE_SECONDS),
            PeriodicTask(lambda: offline_monitor.check(time.monotonic()), PUBLISH_SECONDS),
            PeriodicTask(lambda: report_repeating_cameras(clock.now()), CHECK_SECONDS, CHECK_SECONDS),
            PeriodicTask(publish_workers, PUBLISH_SECONDS),
            PeriodicTask(publish_health, RECONCILE_SECONDS, SETTLE_SECONDS),
            PeriodicTask(self._bulk_jobs, BULK_JOB_SECONDS),
            PeriodicTask(habit_fill.step, BULK_JOB_SECONDS),
        )

    def step(self) -> float:
        for task in self._tasks:
            task.run_if_due()
        self._gpu.poll()
        if self._retention.step():
            return 0
        due_seconds = min(task.due_at for task in self._tasks) - time.monotonic()
        return max(0.001, min(due_seconds, self._gpu.wait_seconds()))

    def _bulk_jobs(self) -> None:
        """Work on bulk jobs until their next due time, so that the other tasks run in between."""
        until = time.monotonic() + BULK_JOB_SECONDS
        while bulk_jobs.step() and time.monotonic() < until and not self.stopping:
            pass

    def _reconcile(self) -> None:
        backpressure.poll()
        counters.advance()
        for queue_name, count in reconcile().items():
            self.done += count
            if count:
                logger.info("%s: %s rows queued again", queue_name, count)


def loops() -> list[Loop]:
    return [Housekeeper()]
