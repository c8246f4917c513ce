"""What a log line is about: values that hold for the lines of a block, in this thread or task.

Names in use: request (its id), queue and row (of a job), camera, upload, batch, event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

NOTHING: Mapping[str, object] = {}
_context: ContextVar[Mapping[str, object]] = ContextVar("hsi_log_context", default=NOTHING)


def current() -> Mapping[str, object]:
    return _context.get()


def add(**values: object) -> None:
    """Say more about what is done now, to the end of the block; empty values are left out."""
    _context.set({**_context.get(), **{name: value for name, value in values.items() if value != ""}})


@contextmanager
def bound(**values: object) -> Iterator[None]:
    """For the block, what is done is about this and nothing else."""
    token = _context.set({name: value for name, value in values.items() if value != ""})
    try:
        yield
    finally:
        _context.reset(token)
