"""The pressure of the queues. A change is published as a warning and a `queue.pressure` message.

Each writer compares two numbers, and housekeeping checks regularly. One process publishes each change.
"""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import transaction

from hsi import process_state
from hsi.outbox import publish
from hsi.outbox.messages import NO_CAMERA, Message, QueuePressureData
from hsi.queues import QUEUE_NAMES, QueueName, get_queue

logger = logging.getLogger(__name__)

# Pressure ends somewhat below its start, so that a queue at the threshold does not change all the time.
EASED_SHARE = 0.9

_high: dict[QueueName, bool] = {}


def record_depth(name: QueueName, jobs: int) -> None:
    """Record that the queue `name` holds `jobs`. Publish a change after the commit of the caller."""
    high = is_high(name, jobs)
    if _high.get(name) is not high:
        transaction.on_commit(lambda: _changed(name, jobs, high), robust=True)


def is_high(name: QueueName, jobs: int) -> bool:
    """Return whether the queue `name` with this many jobs is under pressure."""
    threshold = settings.QUEUE_MAX_SIZE * settings.QUEUE_BACKPRESSURE_THRESHOLD
    return bool(jobs >= threshold or (_high.get(name, False) and jobs > threshold * EASED_SHARE))


def poll() -> None:
    """Check every queue. Raise `QueueUnavailableError`."""
    for name in QUEUE_NAMES:
        record_depth(name, get_queue(name).depth().total)


def forget() -> None:
    """Clear the state, as in a new process."""
    _high.clear()


process_state.register(forget)


def _changed(name: QueueName, jobs: int, high: bool) -> None:
    if _high.get(name) is high:
        return  # an earlier put of the same transaction published it
    with transaction.atomic():
        if publish.record_change(f"queue:{name}", "high" if high else "normal", normal=("normal",)):
            _tell(name, jobs, high)
    _high[name] = high


def _tell(name: QueueName, jobs: int, high: bool) -> None:
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
    publish.publish(Message("queue.pressure", NO_CAMERA, data))
