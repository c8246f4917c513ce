"""The housekeeping loop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from cameras.offline import OfflineMonitor
from hsi.queues import backpressure
from hsi.workers.loop import Loop
from monitoring import bulk_jobs
from monitoring.health.monitor import notice_health, notice_workers
from monitoring.metrics import counters
from monitoring.metrics.gpu import Poller
from monitoring.reconcile import reconcile
from monitoring.retention.schedule import Retention

logger = logging.getLogger(__name__)

RECONCILE_SECONDS = 15.0
NOTICE_SECONDS = 5.0
ERRAND_SECONDS = 1.0
# A system that has just begun is not judged: its workers are still on their way.
SETTLE_SECONDS = 20.0


class Duty:
    """Work that is due every so often. `due_at` is on the monotonic clock."""

    def __init__(self, work: Callable[[], object], every_seconds: float, first_seconds: float = 0.0) -> None:
        self._work = work
        self._every_seconds = every_seconds
        self.due_at = time.monotonic() + first_seconds

    def turn(self) -> None:
        """Do it where it is due."""
        if time.monotonic() >= self.due_at:
            self.due_at = time.monotonic() + self._every_seconds
            self._work()


class Housekeeper(Loop):
    """Reconciles rows and queues, from its first step on, tells of what it notices, and gives retention its turns."""

    def __init__(self) -> None:
        super().__init__("housekeeping")
        self._retention = Retention()
        self._gpu = Poller()
        listener = OfflineMonitor()
        self._duties = (
            Duty(self._reconcile, RECONCILE_SECONDS),
            Duty(lambda: listener.check(time.monotonic()), NOTICE_SECONDS),
            Duty(notice_workers, NOTICE_SECONDS),
            Duty(notice_health, RECONCILE_SECONDS, SETTLE_SECONDS),
            Duty(self._errands, ERRAND_SECONDS),
        )

    def step(self) -> float:
        for duty in self._duties:
            duty.turn()
        self._gpu.poll()
        if self._retention.turn():
            return 0
        due_seconds = min(duty.due_at for duty in self._duties) - time.monotonic()
        return max(0.001, min(due_seconds, self._gpu.wait_seconds()))

    def _errands(self) -> None:
        """For at most as long as until they are due again: the other duties have their turn in between."""
        until = time.monotonic() + ERRAND_SECONDS
        while bulk_jobs.turn() and time.monotonic() < until and not self.stopping:
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
