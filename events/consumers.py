"""The Channels consumers: the sockets of the live stream, and the channel that wakes the notifier."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from typing import Any, ClassVar

from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.utils import await_many_dispatch
from django.conf import settings
from django.db import Error

from events.notifications import deliveries
from events.stream.access import EVENTS, SYSTEM, Refusal, Topic
from events.stream.client import NO_DATABASE, Client
from events.stream.handshake import ConnectionLimiter, Handshake
from events.stream.hub import Hub
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

ERRORS_IN_A_ROW = 3
GOODBYE_SECONDS = 2.0
TOKEN_IN_URL = Refusal(
    Close.NOT_SIGNED_IN, "Send the token in the Authorization header or a subprotocol, not in the URL."
)
TOO_MANY = Refusal(Close.TOO_MANY, "Too many connections. Close some, or try again later.")
TOO_MANY_ERRORS = Refusal(Close.POLICY, "Three invalid messages in a row.")


class StreamConsumer(AsyncWebsocketConsumer):
    """One socket of the live stream.

    The hub puts messages into the client's queue, and a task of the client calls `send`. So a message costs neither a
    change of thread nor a channel layer.
    """

    topic: ClassVar[Topic]

    def __init__(self, hub: Hub, limiter: ConnectionLimiter) -> None:
        super().__init__()
        self._hub = hub
        self._limiter = limiter
        self._client: Client | None = None
        self._errors = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """As Channels' own, with the end of the client as the second source of events instead of a channel layer.

        The slots and the client of the connection are released in every case, even after a cancellation by the server.
        """
        self.scope, self.base_send = scope, send
        self._ended: asyncio.Future[Refusal] = asyncio.get_running_loop().create_future()
        async with AsyncExitStack() as self._resources:
            with suppress(StopConsumer):
                await await_many_dispatch([receive, self._wait_for_end], self.dispatch)

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Call the handler. Channels first changes to a thread to close database connections; the consumer has none."""
        await getattr(self, get_handler_name(message))(message)

    async def connect(self) -> None:
        """Accept the socket, also when it is refused next: scripts in browsers see a close code, but no HTTP status."""
        scope: Any = self.scope
        handshake: Handshake = scope["handshake"]
        await self.accept(handshake.subprotocol)
        if refusal := self._refuse_early(handshake) or await self._join(handshake):
            self._ended.set_result(refusal)

    def _refuse_early(self, handshake: Handshake) -> Refusal | None:
        """Apply the rules that need no database. They keep out a crowd."""
        if handshake.has_token_in_url:
            return TOKEN_IN_URL
        limits = {
            "all": settings.WEBSOCKET_MAX_CONNECTIONS,
            f"address {handshake.network}": settings.WEBSOCKET_MAX_CONNECTIONS_PER_ADDRESS,
        }
        return None if all(self._take_slot(name, limit) for name, limit in limits.items()) else TOO_MANY

    def _take_slot(self, name: str, limit: int) -> bool:
        """Take a slot until the connection ends."""
        return self._resources.enter_context(self._limiter.slot(name, limit))

    async def _join(self, handshake: Handshake) -> Refusal | None:
        """Find out whose connection it is, and join the hub. Return why that is refused."""
        await self._resources.enter_async_context(self._hub.connection())
        try:
            viewer, newest = await self._hub.authorize(handshake.credentials, self.topic, handshake.network)
        except Error:
            return NO_DATABASE
        if isinstance(viewer, Refusal):
            return viewer
        if not self._take_slot(f"user {viewer.user_id}", settings.WEBSOCKET_MAX_CONNECTIONS_PER_USER):
            return TOO_MANY
        client = self._client = self._hub.add(self.send, self.topic, handshake.credentials, viewer, self._ended)
        self._resources.callback(self._hub.remove, client)
        client.position = newest
        heartbeat_seconds = settings.WEBSOCKET_PING_INTERVAL_SECONDS
        client.send(control("connection.ready", newest, heartbeat_seconds=heartbeat_seconds))
        try:
            after = None if handshake.after is None else parse_after(handshake.after)
        except InvalidMessage as invalid:
            self._complain(client, invalid)
            after = None
        self._hub.resume(client, after)
        return None

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer a message of the client."""
        if (client := self._client) is None or self._ended.done():
            return
        client.received_at = time.monotonic()
        try:
            self._answer(client, text_data)
            self._errors = 0
        except InvalidMessage as invalid:
            self._complain(client, invalid)

    def _answer(self, client: Client, text: str | None) -> None:
        if text is None:
            raise InvalidMessage("invalid_message", "Messages are text, not binary.")
        limit = settings.WEBSOCKET_MAX_MESSAGE_SIZE
        if len(text.encode(errors="replace")) > limit:
            raise InvalidMessage("too_large", f"A message has at most {limit} bytes.")
        match parse(text, self.topic.families):
            case Ping():
                client.send(control("pong", self._hub.position_of(client)))
            case Unsubscribe():
                client.filter.subscribe(None)
            case Subscribe(types, cameras, after) as subscription:
                client.filter.subscribe(subscription)
                position = self._hub.position_of(client)
                client.send(control("subscribed", position, types=types, cameras=cameras, after=after))
                if after is not None:
                    self._hub.resume(client, after)

    def _complain(self, client: Client, invalid: InvalidMessage) -> None:
        """Answer an invalid message. Close the connection after a message that is too large, or too many errors."""
        self._errors += 1
        client.send(error(invalid.code, invalid.detail))
        if invalid.code == "too_large":
            client.close(Refusal(Close.TOO_LARGE, invalid.detail))
        elif self._errors >= ERRORS_IN_A_ROW:
            client.close(TOO_MANY_ERRORS)

    async def _wait_for_end(self) -> Any:
        """Return the event for `stream_end`, once the connection is to be closed. Raises the failure of a task."""
        return {"type": "stream.end", "refusal": await self._ended}

    async def stream_end(self, event: dict[str, Any]) -> None:
        """Close the socket. What is queued is sent first, except to a client that is too slow for it."""
        refusal: Refusal = event["refusal"]
        if self._client is not None:
            self._hub.remove(self._client)
        try:
            async with asyncio.timeout(GOODBYE_SECONDS):
                if self._client is not None and refusal.code != Close.TOO_SLOW:
                    await self._client.send_queue.flush()
                await self.close(int(refusal.code), refusal.reason)
        except (OSError, TimeoutError):
            pass  # the client does not read: the server drops the connection
        raise StopConsumer

    async def websocket_disconnect(self, message: Any) -> None:
        raise StopConsumer


class EventsConsumer(StreamConsumer):
    """`/ws/events`: what happens at the cameras that the user may see."""

    topic = EVENTS


class SystemConsumer(StreamConsumer):
    """`/ws/system`: the state of the system, for administrators."""

    topic = SYSTEM


class NotificationConsumer(AsyncConsumer):
    """The channel `notifications`: a message wakes the notifier of this process."""

    channel_layer_alias = ""  # the worker delivers the messages of the channel; the consumer needs no channel itself

    async def deliveries_due(self, message: dict[str, Any]) -> None:
        deliveries.wakeup.notify_local()
