"""What waits to go to one client: a bounded queue, and the one task that sends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Outgoing:
    """Texts for one socket, in order. Putting never waits; a full queue says so."""

    __slots__ = ("_filled", "_half", "_limit", "_low", "_send", "_sent", "_sent_before", "_texts")

    def __init__(self, send: Send, limit: int) -> None:
        self._send = send
        self._limit = limit
        self._half = limit // 2
        self._texts: deque[str] = deque()
        self._filled = asyncio.Event()
        self._low = asyncio.Event()
        self._sent = self._sent_before = 0

    def put(self, text: str) -> bool:
        """False: the queue is full, nothing was put."""
        if len(self._texts) >= self._limit:
            return False
        self._texts.append(text)
        self._filled.set()
        return True

    async def room(self) -> None:
        """Wait until half of the queue is free."""
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
            self._sent += 1
            if len(texts) == self._half:
                self._low.set()

    def is_stuck(self) -> bool:
        """Whether something waits and nothing was sent since the last time this was asked."""
        before, self._sent_before = self._sent_before, self._sent
        return bool(self._texts) and before == self._sent
