"""The housekeeping loop."""

from __future__ import annotations

import logging

from hsi.worker import Loop
from monitoring.reconcile import reconcile

logger = logging.getLogger(__name__)

RECONCILE_SECONDS = 15.0


class Housekeeper(Loop):
    """Reconciles rows and queues, from its first step on."""

    def __init__(self) -> None:
        super().__init__("housekeeping")

    def step(self) -> float:
        for queue_name, count in reconcile().items():
            self.done += count
            if count:
                logger.info("%s: %s rows queued again", queue_name, count)
        return RECONCILE_SECONDS


def loops() -> list[Loop]:
    return [Housekeeper()]
