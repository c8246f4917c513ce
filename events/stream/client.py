"""One connection: reads what the client says, and holds where it stands in the stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from django.conf import settings
from django.db import Error

from events.stream.protocol import (
    Close,
    InvalidMessage,
    Ping,
    Subscribe,
    Unsubscribe,
    control,
    error,
    parse,
    parse_after,
)
from events.stream.reader import Message
from events.stream.send_queue import Outgoing, Send
from events.stream.subscription import Filter
from events.stream.topics import Topic
from events.stream.viewer import Credentials, Viewer

Receive = Callable[[], Awaitable[dict[str, Any]]]
ERRORS_IN_A_ROW = 3
GOODBYE_SECONDS = 2.0
TOO_SLOW = "Too slow: connect again with ?after= and the last seq you have."


class Source(Protocol):
    """Where messages come from: the hub, as a client sees it."""

    def standing(self, client: Client) -> int:
        """The number up to which all that is for the client was given to it."""
        ...

    def leave(self, client: Client) -> None: ...

    async def catch_up(self, client: Client, after: int | None) -> None: ...


class Client:
    """`position` is the number up to which the client is served; while it is live, the hub's counts."""

    def __init__(
        self, source: Source, outgoing: Outgoing, send: Send, topic: Topic, who: Credentials, viewer: Viewer
    ) -> None:
        self.topic = topic
        self.who = who
        self.user_id = viewer.user_id
        self.filter = Filter(topic.families, viewer.cameras)
        self.outgoing = outgoing
        self.position = 0
        self.heard_at = time.monotonic()
        self._source = source
        self._send = send
        self._errors = 0
        self._ended: asyncio.Future[tuple[Close, str] | None] = asyncio.get_running_loop().create_future()
        self._tasks: list[asyncio.Task[None]] = []
        self._replay: asyncio.Task[None] | None = None

    async def serve(self, receive: Receive, newest: int, after: str | None) -> None:
        """The connection from its first frame to its end. `after` is as the client wrote it."""
        self.position = newest
        self.say(control("connection.ready", newest, heartbeat_seconds=settings.WEBSOCKET_PING_INTERVAL_SECONDS))
        self._tasks = [self._start(self.outgoing.run()), self._start(self._read(receive))]
        self._resume(self._asked(after))
        try:
            goodbye = await self._ended
        finally:
            self._source.leave(self)
            for task in (*self._tasks, *([self._replay] if self._replay else [])):
                task.cancel()
        if goodbye is not None:
            await self._say_goodbye(*goodbye)

    def offer(self, message: Message) -> None:
        """Send it if it is for this client. One who cannot keep up is closed."""
        if message.key in self.filter:
            self.say(message.text)

    def say(self, text: str) -> None:
        if not self.outgoing.put(text):
            self.close(Close.TOO_SLOW, TOO_SLOW)

    def fall_back(self, position: int) -> None:
        """Too much is coming at once: the client reads from `position` on for itself, at its own pace."""
        self.position = max(self.position, position)
        self._resume(None)

    def close(self, code: Close, reason: str) -> None:
        """Returns at once; the first reason counts."""
        if not self._ended.done():
            self._source.leave(self)
            self._ended.set_result((code, reason))

    async def _say_goodbye(self, code: Close, reason: str) -> None:
        """What waits goes first, except to those who are too slow for it."""
        try:
            async with asyncio.timeout(GOODBYE_SECONDS):
                if code != Close.TOO_SLOW:
                    await self.outgoing.flush()
                await self._send({"type": "websocket.close", "code": int(code), "reason": reason})
        except (OSError, TimeoutError):
            return  # nobody takes it; the server drops the connection

    def _start(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        task.add_done_callback(self._note_failure)
        return task

    def _note_failure(self, task: asyncio.Task[None]) -> None:
        """A failure of a part ends the whole: it must not look like a quiet stream."""
        failure = None if task.cancelled() else task.exception()
        if isinstance(failure, TimeoutError):
            self.close(Close.TOO_SLOW, TOO_SLOW)
        elif isinstance(failure, Error):
            self.close(Close.TRY_AGAIN, "The database does not answer.")
        elif failure and not self._ended.done():
            self._ended.set_exception(failure)

    def _asked(self, after: str | None) -> int | None:
        try:
            return None if after is None else parse_after(after)
        except InvalidMessage as wrong:
            self._complain(wrong)
            return None

    def _resume(self, after: int | None) -> None:
        """Go back to `after`, or on from where the client stands; live again once it has caught up."""
        self._source.leave(self)
        if self._replay is not None:
            self._replay.cancel()
        self._replay = self._start(self._source.catch_up(self, after))

    async def _read(self, receive: Receive) -> None:
        while (event := await receive())["type"] != "websocket.disconnect":
            self.heard_at = time.monotonic()
            try:
                self._hear(event.get("text"))
                self._errors = 0
            except InvalidMessage as wrong:
                self._complain(wrong)
        if not self._ended.done():
            self._ended.set_result(None)

    def _hear(self, text: str | None) -> None:
        if text is None:
            raise InvalidMessage("invalid_message", "Messages are text, not binary.")
        if len(text.encode(errors="replace")) > settings.WEBSOCKET_MAX_MESSAGE_SIZE:
            raise InvalidMessage("too_large", f"A message has at most {settings.WEBSOCKET_MAX_MESSAGE_SIZE} bytes.")
        match parse(text, self.topic.families):
            case Ping():
                self.say(control("pong", self._source.standing(self)))
            case Unsubscribe():
                self.filter.wish(None)
            case Subscribe() as wish:
                self._subscribe(wish)

    def _subscribe(self, wish: Subscribe) -> None:
        self.filter.wish(wish)
        standing = self._source.standing(self)
        self.say(control("subscribed", standing, types=wish.types, cameras=wish.cameras, after=wish.after))
        if wish.after is not None:
            self._resume(wish.after)

    def _complain(self, wrong: InvalidMessage) -> None:
        self._errors += 1
        self.say(error(wrong.code, wrong.detail))
        if wrong.code == "too_large":
            self.close(Close.TOO_LARGE, wrong.detail)
        elif self._errors >= ERRORS_IN_A_ROW:
            self.close(Close.POLICY, "Three messages in a row that nobody understands.")
