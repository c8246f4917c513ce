"""One connected client as the hub sees it: its position in the stream, its filter and its queue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine

from django.db import Error

from events.stream.access import Credentials, Refusal, Topic, Viewer
from events.stream.protocol import Close, Filter
from events.stream.reader import Message
from events.stream.send_queue import SendQueue

TOO_SLOW = Refusal(Close.TOO_SLOW, "Too slow: connect again with ?after= and the last seq you have.")
NO_DATABASE = Refusal(Close.TRY_AGAIN, "The database does not answer.")


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
