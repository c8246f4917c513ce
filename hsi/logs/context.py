"""The log context: values for the log lines of a block, in this thread or task.

The names are request (its id), user, queue and row (of a job), camera, upload, batch, event. A job carries the id of
its request (`trace`) through the queue, so that a log line of a worker names the request that caused it, in any
process. Work without a request has no context and no cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from hsi import process_state

NOTHING: Mapping[str, object] = {}
_context: ContextVar[Mapping[str, object]] = ContextVar("hsi_log_context", default=NOTHING)


def current() -> Mapping[str, object]:
    return _context.get()


def trace() -> str:
    """Return the id of the request that caused the current work, or an empty string."""
    return str(_context.get().get("request", ""))


def add(**values: object) -> None:
    """Add values to the context until the end of the block. Empty values are skipped."""
    _context.set({**_context.get(), **{name: value for name, value in values.items() if value != ""}})


def clear() -> None:
    _context.set(NOTHING)


process_state.register(clear)


@contextmanager
def bound(**values: object) -> Iterator[None]:
    """Replace the context for the block."""
    token = _context.set({name: value for name, value in values.items() if value != ""})
    try:
        yield
    finally:
        _context.reset(token)


@contextmanager
def also(**values: object) -> Iterator[None]:
    """Extend the context for the block."""
    with bound(**{**_context.get(), **values}):
        yield


def words() -> str:
    """Format the context as ` [request=abc user=5]`, or return an empty string."""
    values = _context.get()
    return f" [{' '.join(f'{name}={value}' for name, value in values.items())}]" if values else ""
