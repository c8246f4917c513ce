"""Reads the outbox, and builds the text of each message once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from django.db import Error, connections
from django.db.models import TextField
from django.db.models.functions import Cast

from events.stream.protocol import frame
from hsi.models import StreamMessage

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Message:
    """A message as clients get it. `key` is its type and the id of its camera (or "")."""

    seq: int
    key: tuple[str, str]
    text: str


def read_after(position: int, limit: int) -> list[Message]:
    """Return the messages that follow `position`, at most `limit`, in order.

    The database returns the JSON as text, which goes into the frame unchanged.
    """
    rows = (
        StreamMessage.objects.filter(seq__gt=position)
        .order_by("seq")
        .annotate(json=Cast("data", TextField()))
        .values_list("seq", "type", "camera", "created_at", "json")[:limit]
    )
    return [
        Message(seq, (kind, camera), frame(kind, seq, time, camera, data)) for seq, kind, camera, time, data in rows
    ]


class DatabaseThread:
    """A thread with its own database connection: the one place where the stream crosses from async to the database.

    The first call starts the thread, and the connection stays open between calls. It is one thread and not a pool, so
    many clients that replay at once share one connection.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._executor: ThreadPoolExecutor | None = None

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the result of `call`. Raises what it raises. After a `django.db.Error` the next call reconnects."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix=self._name)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: _guarded(call, *args, **kwargs))

    async def close(self) -> None:
        """End the thread and its connection. A later call starts another."""
        executor, self._executor = self._executor, None
        if executor is not None:
            closing = asyncio.get_running_loop().run_in_executor(executor, connections.close_all)
            executor.shutdown(wait=False)
            await closing


def _guarded(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return call(*args, **kwargs)
    except Error:
        connections.close_all()
        raise
