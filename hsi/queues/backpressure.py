"""How full the queues are, told when it changes: a warning and a `queue.pressure` message.

Noted by whoever puts, as a comparison of two numbers, and by housekeeping. Of all processes one tells.
"""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import transaction

from hsi.outbox import publish
from hsi.outbox.messages import Message, QueuePressureData
from hsi.queues import QUEUE_NAMES, get_queue

logger = logging.getLogger(__name__)

# Pressure is over somewhat below where it begins, so that a queue at the threshold is not told about all the time.
EASED_SHARE = 0.9

_high: dict[str, bool] = {}


def note(name: str, jobs: int) -> None:
    """The queue `name` holds `jobs`. What is to be told is told after the caller's commit."""
    high = is_high(name, jobs)
    if _high.get(name) is not high:
        transaction.on_commit(lambda: _changed(name, jobs, high), robust=True)


def is_high(name: str, jobs: int) -> bool:
    """Whether the queue `name` with this many jobs is under pressure."""
    threshold = settings.QUEUE_MAX_SIZE * settings.QUEUE_BACKPRESSURE_THRESHOLD
    return bool(jobs >= threshold or (_high.get(name, False) and jobs > threshold * EASED_SHARE))


def look() -> None:
    """Note every queue. Raises `QueueUnavailableError`."""
    for name in QUEUE_NAMES:
        note(name, get_queue(name).depth().total)


def forget() -> None:
    """Know nothing, as a new process does."""
    _high.clear()


def _changed(name: str, jobs: int, high: bool) -> None:
    if _high.get(name) is high:
        return  # an earlier put of the same transaction told it
    with transaction.atomic():
        if publish.record_change(f"queue:{name}", "high" if high else "normal", normal=("normal",)):
            _tell(name, jobs, high)
    _high[name] = high


def _tell(name: str, jobs: int, high: bool) -> None:
    share = jobs / settings.QUEUE_MAX_SIZE
    level = logging.WARNING if high else logging.INFO
    logger.log(level, "%s: pressure is %s, %s jobs, %.0f %% full", name, "high" if high else "over", jobs, share * 100)
    data: QueuePressureData = {
        "queue": name,
        "state": "high" if high else "normal",
        "jobs": jobs,
        "max_size": settings.QUEUE_MAX_SIZE,
        "pressure": round(share, 3),
        "policy": settings.QUEUE_OVERFLOW_POLICY,
    }
    publish.publish(Message("queue.pressure", "", data))
