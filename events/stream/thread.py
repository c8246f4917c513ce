"""The one place where the stream crosses from async to the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import Error, connections

P = ParamSpec("P")
T = TypeVar("T")


class DatabaseThread:
    """A thread with a database connection of its own, kept open between calls; started by the first call.

    One thread and not a pool: a crowd of clients that replay takes turns, and takes one connection.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._executor: ThreadPoolExecutor | None = None

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `call`. Raises what it raises; after a `django.db.Error` the next call connects anew."""
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
