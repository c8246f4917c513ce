"""The loops of an analysis process. The fast path has its own loop, so that it never waits for a language model."""

from __future__ import annotations

import time

from django.conf import settings

from events import visits
from events.pending import pending_batches, requeue_pending
from hsi.queues import ANALYSIS_QUEUE, FAST_PATH_QUEUE, get_handler
from hsi.workers.loop import Loop
from hsi.workers.queue_worker import QueueWorker

REQUEUE_SECONDS = 1.0


class AnalysisWorker(QueueWorker):
    """Judges batches. Once a second it queues pending batches again, and ends visits."""

    def __init__(self) -> None:
        super().__init__(
            "analysis", ANALYSIS_QUEUE, get_handler(ANALYSIS_QUEUE), concurrency=settings.ANALYSIS_CONCURRENCY
        )
        self._requeue_at = float("-inf")

    def step(self) -> float:
        if time.monotonic() >= self._requeue_at:
            requeue_pending()
            visits.end_due()
            self._requeue_at = time.monotonic() + REQUEUE_SECONDS
        return super().step()

    def idle(self) -> bool:
        return super().idle() and not pending_batches().exists()


def loops() -> list[Loop]:
    return [QueueWorker("fast-path", FAST_PATH_QUEUE, get_handler(FAST_PATH_QUEUE)), AnalysisWorker()]
