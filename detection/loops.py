"""The loops of a detection process."""

from __future__ import annotations

from django.conf import settings

from detection import batching
from detection.detectors import service
from detection.models import Batch
from hsi.outbound import shared_breaker
from hsi.queues import DETECTION_QUEUE, get_handler
from hsi.workers.loop import Loop
from hsi.workers.queue_worker import QueueWorker


class BatchCloser(Loop):
    """Close due batches. Any number of these may run, because closing is a conditional update."""

    def __init__(self) -> None:
        super().__init__("batch-closer")

    def step(self) -> float:
        self.done += batching.close_due()
        return batching.seconds_to_next()

    def idle(self) -> bool:
        return not Batch.objects.open().exists()


def loops(concurrency: int | None = None) -> list[Loop]:
    worker = QueueWorker(
        "detection",
        DETECTION_QUEUE,
        get_handler(DETECTION_QUEUE),
        concurrency=concurrency or settings.DETECTION_CONCURRENCY,
        ready=lambda: shared_breaker.wait_seconds(service()),
    )
    return [worker, BatchCloser()]
