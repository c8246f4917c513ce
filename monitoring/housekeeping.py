"""The housekeeping loop."""

from __future__ import annotations

import logging
import time

from cameras.silence import Listener
from hsi.loop import Loop
from hsi.queues import pressure
from monitoring import tallies
from monitoring.gpu import Poller
from monitoring.reconcile import reconcile
from monitoring.retention.schedule import Retention

logger = logging.getLogger(__name__)

RECONCILE_SECONDS = 15.0


class Housekeeper(Loop):
    """Reconciles rows and queues, hears which camera is silent, and gives retention its turns in between."""

    def __init__(self) -> None:
        super().__init__("housekeeping")
        self._retention = Retention()
        self._gpu = Poller()
        self._listener = Listener()
        self._reconcile_at = time.monotonic()

    def step(self) -> float:
        if time.monotonic() >= self._reconcile_at:
            self._reconcile_at = time.monotonic() + RECONCILE_SECONDS
            self._reconcile()
        self._gpu.poll()
        if self._retention.turn():
            return 0
        return max(0.001, min(self._reconcile_at - time.monotonic(), self._gpu.wait_seconds()))

    def _reconcile(self) -> None:
        pressure.look()
        tallies.advance()
        self._listener.look(time.monotonic())
        for queue_name, count in reconcile().items():
            self.done += count
            if count:
                logger.info("%s: %s rows queued again", queue_name, count)


def loops() -> list[Loop]:
    return [Housekeeper()]
