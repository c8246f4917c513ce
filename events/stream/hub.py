"""The hub of a web process: reads the outbox for all its clients, and keeps their rights up to date."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from django.conf import settings
from django.db import Error

from events.stream import wakeup_listener
from events.stream.access import Credentials, Refusal, Topic, Viewer, authorize_connection, find_viewer
from events.stream.client import Client, SendQueue, SendText
from events.stream.protocol import Close, gap
from events.stream.reader import DatabaseThread, Message, read_after
from hsi.outbox import wakeup
from hsi.outbox.publish import newest

logger = logging.getLogger(__name__)

# A wake-up may be lost. This is then the longest delay of a message.
POLL_SECONDS = 1.0
# The longest time that messages still flow after a grant or token was revoked, or a session ended.
RIGHTS_CHECK_SECONDS = 15.0
LIVE_PAGE = 200
REPLAY_PAGE = 100
QUEUE_LIMIT = 512
# A client whose queue is full has this long to take half of it.
PATIENCE_SECONDS = 10.0
CANCEL_AGAIN_SECONDS = 0.2
FAILED = Refusal(Close.INTERNAL, "The stream failed. Connect again with ?after= and the last seq you have.")
IDLE = Refusal(Close.IDLE, "The client is subscribed to nothing and sends nothing.")
OTHER_USER = Refusal(Close.NOT_SIGNED_IN, "Another user is signed in now. Connect again.")


class Hub:
    """Delivers messages while there is a connection.

    All of it runs in one event loop, so a client that has reached the hub's position can join without missing or
    repeating a message.
    """

    def __init__(
        self,
        *,
        queue_limit: int = QUEUE_LIMIT,
        poll_seconds: float = POLL_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self.position = 0
        self.clients: set[Client] = set()
        self._live: set[Client] = set()
        self._queue_limit = queue_limit
        self._patience_seconds = patience_seconds
        self._page = min(LIVE_PAGE, queue_limit // 2)
        self._poll_seconds = poll_seconds
        self._connections = 0
        self._live_reader = DatabaseThread("stream-live")
        self._client_reader = DatabaseThread("stream-clients")
        self._tasks: list[asyncio.Task[None]] = []
        self._failed = False
        self._loop: asyncio.AbstractEventLoop
        self._wake = asyncio.Event()
        self._ready = asyncio.Event()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[None]:
        """Surround each connection. When the last one ends, the threads and their database connections end too."""
        self._connections += 1
        try:
            yield
        finally:
            self._connections -= 1
            if not self._connections:
                await self._stop()

    async def authorize(self, credentials: Credentials, topic: Topic, network: str) -> tuple[Viewer | Refusal, int]:
        """Return the viewer or why there is none, and the newest sequence number."""
        return await self._client_reader.run(lambda: (authorize_connection(credentials, topic, network), newest()))

    def add(
        self, send: SendText, topic: Topic, credentials: Credentials, viewer: Viewer, ended: asyncio.Future[Refusal]
    ) -> Client:
        """Return a new client. It gets messages after the first `resume`."""
        client = Client(topic, credentials, viewer, SendQueue(send, self._queue_limit, self._patience_seconds), ended)
        self.clients.add(client)
        if not self._tasks:
            self._start()
        elif self._failed:  # until the last connection is gone
            client.close(FAILED)
        return client

    def remove(self, client: Client) -> None:
        self._live.discard(client)
        self.clients.discard(client)
        client.stop()

    def position_of(self, client: Client) -> int:
        """Return the number up to which the client was given all its messages."""
        return self.position if client in self._live else client.position

    def resume(self, client: Client, after: int | None = None) -> None:
        """Go back to `after`, or on from the client's position. The client is live again when it has caught up."""
        self._live.discard(client)
        if client.catching_up is not None:
            client.catching_up.cancel()
        client.catching_up = client.start(self._catch_up(client, after))

    async def _catch_up(self, client: Client, after: int | None) -> None:
        """Bring a client from its position, or from `after`, to the hub's position, and make it live.

        The client reads its own pages at its own pace. Nothing is awaited between the last comparison and the join.
        """
        await self._ready.wait()
        if after is not None:
            last = await self._client_reader.run(newest)
            client.position = min(after, last)
            if after > last:  # a number that was never given comes from another, lost database
                client.send(gap(last + 1))
        while True:
            await client.send_queue.wait_until_half_empty()
            goal = self.position
            if client.position >= goal:
                self._live.add(client)
                return
            page = await self._client_reader.run(read_after, client.position, REPLAY_PAGE)
            await self._replay(client, page, goal)

    async def _replay(self, client: Client, page: list[Message], goal: int) -> None:
        """Offer a page. An empty page before `goal` means that these messages are no longer stored."""
        oldest = page[0].seq if page else goal + 1
        if oldest > client.position + 1:
            client.send(gap(oldest))
        for message in page:
            await client.send_queue.wait_until_half_empty()
            client.offer(message)
            client.position = message.seq
        client.position = max(client.position, oldest - 1)

    def _start(self) -> None:
        self._wake, self._ready, self._loop = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop()
        self._failed = False
        wakeup.listen(self._on_wakeup)
        work = (self._deliver_forever(), self._check_rights_forever(), wakeup_listener.follow(self._wake.set))
        self._tasks = [asyncio.create_task(part) for part in work]
        for task in self._tasks:
            task.add_done_callback(self._on_task_done)

    async def _stop(self) -> None:
        wakeup.unlisten(self._on_wakeup)
        tasks, self._tasks = self._tasks, []
        # One cancellation is not always enough: redis-py swallows it while it connects.
        while pending := [task for task in tasks if not task.done()]:
            for task in pending:
                task.cancel()
            await asyncio.wait(pending, timeout=CANCEL_AGAIN_SECONDS)
        await self._live_reader.close()
        await self._client_reader.close()

    def _on_wakeup(self) -> None:
        """Called from any thread."""
        with suppress(RuntimeError):  # the loop is closed, so there are no clients
            self._loop.call_soon_threadsafe(self._wake.set)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        """A hub that failed must not look like a quiet one."""
        if task.cancelled() or task.exception() is None:
            return
        logger.error("The live stream failed, its clients are closed", exc_info=task.exception())
        self._failed = True
        for client in list(self.clients):
            client.close(FAILED)

    async def _deliver_forever(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._poll()
            except Error as error:
                logger.warning("The outbox cannot be read at present: %s", error)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._wake.wait()

    async def _poll(self) -> None:
        """Deliver all new messages."""
        if not self._ready.is_set():
            self.position = await self._live_reader.run(newest)
            self._ready.set()
        page = await self._live_reader.run(read_after, self.position, self._page)
        if not page:
            self._rewind(await self._live_reader.run(newest))
        while page:
            self._deliver(page)
            is_full = len(page) == self._page
            page = await self._live_reader.run(read_after, self.position, self._page) if is_full else []

    def _deliver(self, page: list[Message]) -> None:
        """Offer a page to the live clients. One whose queue is too full for it catches up at its own pace."""
        for client in [client for client in self._live if not client.send_queue.has_room_for(len(page))]:
            client.position = max(client.position, self.position)
            self.resume(client)
        clients = tuple(self._live)
        for message in page:
            for client in clients:
                # A client that has just joined may have read further than the hub.
                if message.seq > client.position:
                    client.offer(message)
        self.position = page[-1].seq

    def _rewind(self, last: int) -> None:
        """Follow numbers that went back: the database was restored from a copy."""
        if last >= self.position:
            return
        logger.warning("The outbox went back from %s to %s", self.position, last)
        self.position = last
        for client in list(self.clients):
            client.position = min(client.position, last)
            client.send(gap(last + 1))

    async def _check_rights_forever(self) -> None:
        while True:
            await asyncio.sleep(RIGHTS_CHECK_SECONDS)
            try:
                await self.check_rights()
            except Error as error:
                logger.warning("The rights of clients cannot be read at present: %s", error)

    async def check_rights(self) -> None:
        """Apply changed rights to every client, and close idle clients."""
        pairs = {(client.credentials, client.topic) for client in self.clients}
        viewers = await self._client_reader.run(_find_viewers, pairs)
        now = time.monotonic()
        for client in list(self.clients):
            if viewer := viewers.get((client.credentials, client.topic)):
                _apply(client, viewer)
            silent_seconds = now - client.received_at
            if client.filter.is_subscribed_to_nothing and silent_seconds > settings.WEBSOCKET_IDLE_TIMEOUT_SECONDS:
                client.close(IDLE)


def _find_viewers(
    pairs: Iterable[tuple[Credentials, Topic]],
) -> dict[tuple[Credentials, Topic], Viewer | Refusal]:
    return {(credentials, topic): find_viewer(credentials, topic) for credentials, topic in pairs}


def _apply(client: Client, viewer: Viewer | Refusal) -> None:
    if isinstance(viewer, Refusal):
        client.close(viewer)
    elif viewer.user_id != client.user_id:
        client.close(OTHER_USER)
    else:
        client.filter.set_cameras(viewer.cameras)
