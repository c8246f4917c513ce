"""The loops of an analysis process. The fast path has one of its own: it never waits for a language model."""

from __future__ import annotations

from django.conf import settings

from events.record import analyse_batch, bury_batch, bury_telling, tell_at_once
from hsi.queues import ANALYSIS_QUEUE, FAST_PATH_QUEUE
from hsi.worker import Loop, QueueWorker


def loops() -> list[Loop]:
    return [
        QueueWorker("fast-path", FAST_PATH_QUEUE, tell_at_once, bury_telling),
        QueueWorker("analysis", ANALYSIS_QUEUE, analyse_batch, bury_batch, concurrency=settings.ANALYSIS_CONCURRENCY),
    ]
