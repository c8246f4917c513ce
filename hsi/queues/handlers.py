"""What the jobs of each queue do. The app that owns a queue's rows registers its handler in `AppConfig.ready()`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hsi.queues import Job


@dataclass(frozen=True, slots=True)
class JobHandler:
    """The work of a queue, and what happens to a row whose job fails or is queued again.

    `work(job)` stores the result and acknowledges in one transaction.
    `on_dead(row_id, reason)` marks the row, in the transaction that makes its job a dead letter.
    `on_requeue(row_id)` lets the row wait again, and returns False where it is gone or finished.
    """

    work: Callable[[Job], None]
    on_dead: Callable[[int, str], None]
    on_requeue: Callable[[int], bool]


_handlers: dict[str, JobHandler] = {}


def register(queue: str, handler: JobHandler) -> None:
    _handlers[queue] = handler


def get_handler(queue: str) -> JobHandler:
    """Return the handler of a queue. Raise `KeyError` where none is registered."""
    return _handlers[queue]
