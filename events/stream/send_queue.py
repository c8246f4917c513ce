"""What waits to go to one client: a bounded queue, and the one task that sends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Outgoing:
    """Texts for one socket, in order. Putting never waits; a full queue says so."""

    __slots__ = ("_filled", "_half", "_limit", "_low", "_patience_seconds", "_send", "_texts")

    def __init__(self, send: Send, limit: int, patience_seconds: float) -> None:
        self._send = send
        self._limit = limit
        self._patience_seconds = patience_seconds
        self._half = limit // 2
        self._texts: deque[str] = deque()
        self._filled = asyncio.Event()
        self._low = asyncio.Event()

    def put(self, text: str) -> bool:
        """False: the queue is full, nothing was put."""
        if len(self._texts) >= self._limit:
            return False
        self._texts.append(text)
        self._filled.set()
        return True

    def takes(self, count: int) -> bool:
        return len(self._texts) + count <= self._limit

    async def room(self) -> None:
        """Wait until half of the queue is free. Raises `TimeoutError` when the client is too slow for that."""
        if len(self._texts) > self._half:
            async with asyncio.timeout(self._patience_seconds):
                while len(self._texts) > self._half:
                    self._low.clear()
                    await self._low.wait()

    async def run(self) -> None:
        """Send for ever, as fast as the socket takes it. Ends when the socket is gone."""
        try:
            while True:
                await self.flush()
                self._filled.clear()
                await self._filled.wait()
        except OSError:  # how servers say that nobody is there; the reader hears it too
            return

    async def flush(self) -> None:
        """Send what waits. A text leaves the queue after it was sent, so that being cut off loses none."""
        texts, send = self._texts, self._send
        while texts:
            await send({"type": "websocket.send", "text": texts[0]})
            texts.popleft()
            if len(texts) == self._half:
                self._low.set()
