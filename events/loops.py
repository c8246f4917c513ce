"""The loops of an analysis process. The fast path has one of its own: it never waits for a language model."""

from __future__ import annotations

import time

from django.conf import settings

from events.pending import catch_up, owed
from hsi.queues import ANALYSIS_QUEUE, FAST_PATH_QUEUE
from hsi.queues.handlers import get_handler
from hsi.workers.loop import Loop
from hsi.workers.queue_worker import QueueWorker

CATCH_UP_SECONDS = 1.0


class AnalysisWorker(QueueWorker):
    """Judges batches, and sees to it now and then that those without a judgement get one."""

    def __init__(self) -> None:
        super().__init__(
            "analysis", ANALYSIS_QUEUE, get_handler(ANALYSIS_QUEUE), concurrency=settings.ANALYSIS_CONCURRENCY
        )
        self._catch_up_at = float("-inf")

    def step(self) -> float:
        if time.monotonic() >= self._catch_up_at:
            catch_up()
            self._catch_up_at = time.monotonic() + CATCH_UP_SECONDS
        return super().step()

    def idle(self) -> bool:
        return super().idle() and not owed().exists()


def loops() -> list[Loop]:
    return [QueueWorker("fast-path", FAST_PATH_QUEUE, get_handler(FAST_PATH_QUEUE)), AnalysisWorker()]
