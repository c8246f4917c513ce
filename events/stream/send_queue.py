"""The bounded queue of one client, and the task that sends from it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

SendText = Callable[[str], Awaitable[None]]


class SendQueue:
    """Texts for one socket, in order. Putting never waits and fails when the queue is full."""

    __slots__ = ("_filled", "_half", "_half_empty", "_limit", "_patience_seconds", "_send", "_texts")

    def __init__(self, send: SendText, limit: int, patience_seconds: float) -> None:
        self._send = send
        self._limit = limit
        self._patience_seconds = patience_seconds
        self._half = limit // 2
        self._texts: deque[str] = deque()
        self._filled = asyncio.Event()
        self._half_empty = asyncio.Event()

    def put(self, text: str) -> bool:
        """Append a text. Return False when the queue is full."""
        if len(self._texts) >= self._limit:
            return False
        self._texts.append(text)
        self._filled.set()
        return True

    def has_room_for(self, count: int) -> bool:
        return len(self._texts) + count <= self._limit

    async def wait_until_half_empty(self) -> None:
        """Raises `TimeoutError` when the client is too slow for that."""
        if len(self._texts) > self._half:
            async with asyncio.timeout(self._patience_seconds):
                while len(self._texts) > self._half:
                    self._half_empty.clear()
                    await self._half_empty.wait()

    async def run(self) -> None:
        """Send for ever, as fast as the socket takes it. Ends when the socket is gone."""
        try:
            while True:
                await self.flush()
                self._filled.clear()
                await self._filled.wait()
        except OSError:  # servers raise this when the client is gone, and the consumer is disconnected as well
            return

    async def flush(self) -> None:
        """Send all texts. A text leaves the queue after it was sent, so that a cancellation loses none."""
        texts, send = self._texts, self._send
        while texts:
            await send(texts[0])
            texts.popleft()
            if len(texts) == self._half:
                self._half_empty.set()
