"""What a log line is about: values that hold for all lines within a block, in this thread or task.

Known names: request_id, camera, upload, batch, event, queue, row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_values: ContextVar[dict[str, object] | None] = ContextVar("log_context", default=None)


@contextmanager
def bind(**values: object) -> Iterator[None]:
    """Say `values` of every line within, beside those of the blocks around."""
    token = _values.set({**current(), **values})
    try:
        yield
    finally:
        _values.reset(token)


def add(**values: object) -> None:
    """Say more of the lines that follow, to the end of the innermost block. Outside of one nothing happens."""
    held = _values.get()
    if held is not None:
        held.update(values)


def current() -> Mapping[str, object]:
    return _values.get() or {}
