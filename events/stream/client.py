"""One connected client as the hub sees it: its position in the stream, its filter, and its queue of texts to send."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine

from django.db import Error

from events.stream.access import Credentials, Refusal, Topic, Viewer
from events.stream.protocol import Close, Filter
from events.stream.reader import Message

SendText = Callable[[str], Awaitable[None]]

TOO_SLOW = Refusal(Close.TOO_SLOW, "Too slow: connect again with ?after= and the last seq you have.")
NO_DATABASE = Refusal(Close.TRY_AGAIN, "The database does not answer.")


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


class Client:
    """`position` is the number up to which the client has all its messages. While it is live, the hub's counts.

    `ended` gets the refusal with which the connection is to be closed, or the failure of one of its tasks.
    """

    def __init__(
        self,
        topic: Topic,
        credentials: Credentials,
        viewer: Viewer,
        send_queue: SendQueue,
        ended: asyncio.Future[Refusal],
    ) -> None:
        self.topic = topic
        self.credentials = credentials
        self.user_id = viewer.user_id
        self.filter = Filter(topic.families, viewer.cameras)
        self.send_queue = send_queue
        self.ended = ended
        self.position = 0
        self.received_at = time.monotonic()
        self.catching_up: asyncio.Task[None] | None = None
        self._sending = self.start(send_queue.run())

    def start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run a part of the connection as a task. A part that fails ends the connection."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._on_task_done)
        return task

    def offer(self, message: Message) -> None:
        """Queue a message if the client's filter passes it."""
        if message.key in self.filter:
            self.send(message.text)

    def send(self, text: str) -> None:
        """Queue a text. A client whose queue is full is closed, and gets nothing more."""
        if not self.ended.done() and not self.send_queue.put(text):
            self.close(TOO_SLOW)

    def close(self, refusal: Refusal) -> None:
        """Have the connection closed. Returns at once. The first refusal counts."""
        if not self.ended.done():
            self.ended.set_result(refusal)

    def stop(self) -> None:
        """Cancel the tasks of the connection."""
        self._sending.cancel()
        if self.catching_up is not None:
            self.catching_up.cancel()

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        """A failure must not look like a quiet stream."""
        failure = None if task.cancelled() else task.exception()
        if isinstance(failure, TimeoutError):
            self.close(TOO_SLOW)
        elif isinstance(failure, Error):
            self.close(NO_DATABASE)
        elif failure and not self.ended.done():
            self.ended.set_exception(failure)
