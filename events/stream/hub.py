"""The hub of a web process: tails the outbox for all its clients, and keeps their rights up to date."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from django.conf import settings
from django.db import Error

from events.stream import wakeup_listener
from events.stream.access import let_in
from events.stream.client import Client
from events.stream.protocol import Close, gap
from events.stream.reader import Message, read_after
from events.stream.send_queue import Outgoing, Send
from events.stream.thread import DatabaseThread
from events.stream.topics import Topic
from events.stream.viewer import Credentials, Refusal, Viewer, recognise
from hsi.outbox import wakeup
from hsi.outbox.publish import newest

logger = logging.getLogger(__name__)

# A hint may be lost; this is then the longest delay of a message.
LOOK_SECONDS = 1.0
# A revoked grant or token, an ended session: the longest time messages still flow.
CHECK_SECONDS = 15.0
LIVE_PAGE = 200
REPLAY_PAGE = 100
QUEUE_LIMIT = 512
# A client whose queue is full has this long to take half of it.
PATIENCE_SECONDS = 10.0
CANCEL_AGAIN_SECONDS = 0.2
FAILED = "The stream failed. Connect again with ?after= and the last seq you have."


class Hub:
    """Runs while there is a connection. Everything here happens in one event loop, which is why
    a client that stands where the hub stands can join without missing or repeating anything.
    """

    def __init__(
        self,
        *,
        queue_limit: int = QUEUE_LIMIT,
        look_seconds: float = LOOK_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self.position = 0
        self.clients: set[Client] = set()
        self._live: set[Client] = set()
        self._queue_limit = queue_limit
        self._patience_seconds = patience_seconds
        self._page = min(LIVE_PAGE, queue_limit // 2)
        self._look_seconds = look_seconds
        self._connections = 0
        self._tail = DatabaseThread("stream-tail")
        self._desk = DatabaseThread("stream-desk")
        self._tasks: list[asyncio.Task[None]] = []
        self._failed = False
        self._loop: asyncio.AbstractEventLoop
        self._wake = asyncio.Event()
        self._ready = asyncio.Event()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[None]:
        """Around each connection: the last one to go ends the threads and their database connections."""
        self._connections += 1
        try:
            yield
        finally:
            self._connections -= 1
            if not self._connections:
                await self._stop()

    async def admit(self, who: Credentials, topic: Topic, network: str) -> tuple[Viewer | Refusal, int]:
        """Who that is, and the newest number."""
        return await self._desk.run(lambda: (let_in(who, topic, network), newest()))

    def enter(self, send: Send, topic: Topic, who: Credentials, viewer: Viewer) -> Client:
        client = Client(self, Outgoing(send, self._queue_limit, self._patience_seconds), send, topic, who, viewer)
        self.clients.add(client)
        if not self._tasks:
            self._start()
        elif self._failed:  # until its last connection is gone
            client.close(Close.INTERNAL, FAILED)
        return client

    def standing(self, client: Client) -> int:
        return self.position if client in self._live else client.position

    def leave(self, client: Client) -> None:
        """No live messages for this client, until it has caught up again."""
        self._live.discard(client)

    def forget(self, client: Client) -> None:
        self._live.discard(client)
        self.clients.discard(client)

    async def catch_up(self, client: Client, after: int | None) -> None:
        """Bring a client from its position, or from `after`, to the hub's, and let it join.

        It reads its own pages at its own pace. Nothing is awaited between the last comparison and
        the joining.
        """
        await self._ready.wait()
        if after is not None:
            await self._go_back(client, after)
        while True:
            await client.outgoing.room()
            goal = self.position
            if client.position >= goal:
                self._live.add(client)
                return
            page = await self._desk.run(read_after, client.position, REPLAY_PAGE)
            await self._replay(client, page, goal)

    async def _go_back(self, client: Client, after: int) -> None:
        """A number that was never given is one of another, lost database."""
        last = await self._desk.run(newest)
        client.position = min(after, last)
        if after > last:
            client.say(gap(last + 1))

    async def _replay(self, client: Client, page: list[Message], goal: int) -> None:
        """An empty page before `goal`: all of it is no longer kept."""
        oldest = page[0].seq if page else goal + 1
        if oldest > client.position + 1:
            client.say(gap(oldest))
        for message in page:
            await client.outgoing.room()
            client.offer(message)
            client.position = message.seq
        client.position = max(client.position, oldest - 1)

    def _start(self) -> None:
        self._wake, self._ready, self._loop = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop()
        self._failed = False
        wakeup.listen(self._hinted)
        work = (self._tail_for_ever(), self._check_for_ever(), wakeup_listener.follow(self._wake.set))
        self._tasks = [asyncio.create_task(part) for part in work]
        for task in self._tasks:
            task.add_done_callback(self._note_end)

    async def _stop(self) -> None:
        wakeup.unlisten(self._hinted)
        tasks, self._tasks = self._tasks, []
        # Once is not always enough: redis-py swallows a cancellation while it connects.
        while pending := [task for task in tasks if not task.done()]:
            for task in pending:
                task.cancel()
            await asyncio.wait(pending, timeout=CANCEL_AGAIN_SECONDS)
        await self._tail.close()
        await self._desk.close()

    def _hinted(self) -> None:
        """From any thread."""
        with suppress(RuntimeError):  # the loop is closed: there is nobody left to tell
            self._loop.call_soon_threadsafe(self._wake.set)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        """A hub that failed must not look like a quiet one."""
        if task.cancelled() or task.exception() is None:
            return
        logger.error("The stream failed, its clients are closed", exc_info=task.exception())
        self._failed = True
        for client in list(self.clients):
            client.close(Close.INTERNAL, FAILED)

    async def _tail_for_ever(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._look()
            except Error as error:
                logger.warning("The outbox cannot be read for now: %s", error)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look_seconds):
                    await self._wake.wait()

    async def _look(self) -> None:
        """Deliver all that is new."""
        if not self._ready.is_set():
            self.position = await self._tail.run(newest)
            self._ready.set()
        page = await self._tail.run(read_after, self.position, self._page)
        if not page:
            self._rewind(await self._tail.run(newest))
        while page:
            self._deliver(page)
            page = await self._tail.run(read_after, self.position, self._page) if len(page) == self._page else []

    def _deliver(self, page: list[Message]) -> None:
        for client in [client for client in self._live if not client.outgoing.takes(len(page))]:
            client.fall_back(self.position)
        clients = tuple(self._live)
        for message in page:
            for client in clients:
                # One who joined has at times read further than the hub.
                if message.seq > client.position:
                    client.offer(message)
        self.position = page[-1].seq

    def _rewind(self, last: int) -> None:
        """Numbers can go back: a database was restored from a copy."""
        if last >= self.position:
            return
        logger.warning("The outbox went back from %s to %s", self.position, last)
        self.position = last
        for client in list(self.clients):
            client.position = min(client.position, last)
            client.say(gap(last + 1))

    async def _check_for_ever(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await self.check()
            except Error as error:
                logger.warning("Rights cannot be read for now: %s", error)

    async def check(self) -> None:
        """Take away what is no longer granted, and close who neither listens nor speaks."""
        known = {(client.who, client.topic) for client in self.clients}
        answers = await self._desk.run(_recognise_all, known)
        now = time.monotonic()
        for client in list(self.clients):
            if answer := answers.get((client.who, client.topic)):
                _apply(client, answer)
            if client.filter.wants_nothing and now - client.heard_at > settings.WEBSOCKET_IDLE_TIMEOUT_SECONDS:
                client.close(Close.IDLE, "Nothing is subscribed to and nothing is said.")


def _recognise_all(
    known: Iterable[tuple[Credentials, Topic]],
) -> dict[tuple[Credentials, Topic], Viewer | Refusal]:
    return {(who, topic): recognise(who, topic) for who, topic in known}


def _apply(client: Client, answer: Viewer | Refusal) -> None:
    if isinstance(answer, Refusal):
        client.close(answer.code, answer.reason)
    elif answer.user_id != client.user_id:
        client.close(Close.NOT_SIGNED_IN, "Somebody else is signed in now. Connect again.")
    else:
        client.filter.allow(answer.cameras)
