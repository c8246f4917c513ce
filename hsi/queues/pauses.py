"""Queues that a person has paused: workers take nothing from them, whatever the backend, and finish what they have."""

from __future__ import annotations

import time

from django.db import transaction

from hsi import audit
from hsi.models import QueuePause

LOOK_SECONDS = 1.0  # what was read is believed this long

_seen: dict[str, tuple[float, bool]] = {}


def is_paused(queue: str) -> bool:
    """At most a second old. Raises DatabaseError where it must ask and cannot."""
    now = time.monotonic()
    at, paused = _seen.get(queue, (float("-inf"), False))
    if now - at >= LOOK_SECONDS:
        paused = QueuePause.objects.filter(pk=queue).exists()
        _seen[queue] = (now, paused)
    return paused


def wait_seconds(queue: str) -> float:
    """How long a worker takes nothing; 0 is now."""
    return LOOK_SECONDS if is_paused(queue) else 0.0


def pause(queue: str) -> bool:
    """Whether it was not paused before."""
    with transaction.atomic():
        _, changed = QueuePause.objects.get_or_create(queue=queue, defaults={"paused_by": audit.acting_user()})
        if changed:
            audit.record("queue_paused", f"queue {queue}")
    forget()
    return changed


def resume(queue: str) -> bool:
    """Whether it was paused before."""
    with transaction.atomic():
        changed = bool(QueuePause.objects.filter(pk=queue).delete()[0])
        if changed:
            audit.record("queue_resumed", f"queue {queue}")
    forget()
    return changed


def forget() -> None:
    """Know nothing, as a new process does."""
    _seen.clear()
