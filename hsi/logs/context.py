"""What a log line is about: values that hold for the lines of a block, in this thread or task.

Names in use: request (its id), user, queue and row (of a job), camera, upload, batch, event. The request's id goes with
a job (`trace`) into the queue and comes back with it, so that a line of a worker names the request that caused it, in
whatever process. Work that nobody asked for has no context, and costs none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

NOTHING: Mapping[str, object] = {}
_context: ContextVar[Mapping[str, object]] = ContextVar("hsi_log_context", default=NOTHING)


def current() -> Mapping[str, object]:
    return _context.get()


def trace() -> str:
    """The id of the request that caused what is done now, or an empty string."""
    return str(_context.get().get("request", ""))


def add(**values: object) -> None:
    """Say more about what is done now, to the end of the block; empty values are left out."""
    _context.set({**_context.get(), **{name: value for name, value in values.items() if value != ""}})


def clear() -> None:
    _context.set(NOTHING)


@contextmanager
def bound(**values: object) -> Iterator[None]:
    """For the block, what is done is about this and nothing else."""
    token = _context.set({name: value for name, value in values.items() if value != ""})
    try:
        yield
    finally:
        _context.reset(token)


@contextmanager
def also(**values: object) -> Iterator[None]:
    """For the block, what is done is about this as well."""
    with bound(**{**_context.get(), **values}):
        yield


def words() -> str:
    """` [request=abc user=5]`, or an empty string where there is nothing to say."""
    values = _context.get()
    return f" [{' '.join(f'{name}={value}' for name, value in values.items())}]" if values else ""
