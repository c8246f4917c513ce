"""Paused queues. Workers take no job of a paused queue on any backend, and finish their running jobs."""

from __future__ import annotations

import time

from django.db import transaction

from hsi import audit, process_state
from hsi.models import QueuePause
from hsi.queues import QueueName

LOOK_SECONDS = 1.0  # cache lifetime

_seen: dict[QueueName, tuple[float, bool]] = {}


def is_paused(queue: QueueName) -> bool:
    """Return whether a queue is paused, at most a second old. Raise DatabaseError if a needed query fails."""
    now = time.monotonic()
    at, paused = _seen.get(queue, (float("-inf"), False))
    if now - at >= LOOK_SECONDS:
        paused = QueuePause.objects.filter(pk=queue).exists()
        _seen[queue] = (now, paused)
    return paused


def wait_seconds(queue: QueueName) -> float:
    """Return how many seconds a worker must wait; 0 means that it may take jobs."""
    return LOOK_SECONDS if is_paused(queue) else 0.0


def pause(queue: QueueName) -> bool:
    """Pause a queue. Return whether it was running before."""
    with transaction.atomic():
        _, changed = QueuePause.objects.get_or_create(queue=queue, defaults={"paused_by": audit.acting_user()})
        if changed:
            audit.record("queue_paused", f"queue {queue}")
    forget()
    return changed


def resume(queue: QueueName) -> bool:
    """Resume a queue. Return whether it was paused before."""
    with transaction.atomic():
        changed = bool(QueuePause.objects.filter(pk=queue).delete()[0])
        if changed:
            audit.record("queue_resumed", f"queue {queue}")
    forget()
    return changed


def forget() -> None:
    """Clear the cache."""
    _seen.clear()


process_state.register(forget)
