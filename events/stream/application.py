"""The sockets' ASGI application: refuses what may not come in, and serves the rest.

Plain ASGI and no Channels consumer: a consumer costs a thread change for each message and client.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from django.conf import settings
from django.db import Error

from events.stream.client import Receive
from events.stream.connection_limiter import Seats
from events.stream.handshake import Handshake, read
from events.stream.hub import Hub
from events.stream.protocol import Close
from events.stream.send_queue import Send
from events.stream.topics import TOPICS, Topic
from events.stream.viewer import Refusal, Viewer
from hsi.http import url_prefix
from hsi.metrics import gauges

IN_URL = Refusal(
    Close.NOT_SIGNED_IN, "A token belongs into the Authorization header or a subprotocol, not into the URL."
)
NO_DATABASE = Refusal(Close.TRY_AGAIN, "The database does not answer.")
TOO_MANY = Refusal(Close.TOO_MANY, "Too many connections. Close some, or try again later.")


class StreamApplication:
    def __init__(self, hub: Hub | None = None) -> None:
        self.hub = hub or Hub()
        self._seats = Seats()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        handshake = read(scope)
        topic = TOPICS.get(url_prefix.strip_prefix(scope["path"]).rstrip("/"))
        if topic is None or not handshake.is_ours:
            await send({"type": "websocket.close", "code": int(Close.NOT_ALLOWED)})  # before accepting: HTTP 403
            return
        # Accepted even if refused next: a browser's script sees a close code, and no HTTP status.
        await send({"type": "websocket.accept", "subprotocol": handshake.subprotocol})
        with ExitStack() as seats:
            refusal = self._turn_away(handshake, seats) or await self._serve(topic, handshake, seats, receive, send)
            if refusal:
                await send({"type": "websocket.close", "code": int(refusal.code), "reason": refusal.reason})

    def _turn_away(self, handshake: Handshake, seats: ExitStack) -> Refusal | None:
        """What costs no look into the database: this is where a crowd is kept out."""
        if handshake.has_token_in_url:
            return IN_URL
        address = f"address {handshake.address}"
        if self._is_free(seats, "all", settings.WEBSOCKET_MAX_CONNECTIONS) and self._is_free(
            seats, address, settings.WEBSOCKET_MAX_CONNECTIONS_PER_ADDRESS
        ):
            return None
        return TOO_MANY

    def _is_free(self, seats: ExitStack, name: str, most: int) -> bool:
        """Take a seat until the connection ends."""
        return seats.enter_context(self._seats.seat(name, most))

    async def _serve(
        self, topic: Topic, handshake: Handshake, seats: ExitStack, receive: Receive, send: Send
    ) -> Refusal | None:
        """The connection, to its end; or why it is refused."""
        async with self.hub.connection():
            viewer, newest = await self._admit(topic, handshake)
            if isinstance(viewer, Refusal):
                return viewer
            if not self._is_free(seats, f"user {viewer.user_id}", settings.WEBSOCKET_MAX_CONNECTIONS_PER_USER):
                return TOO_MANY
            client = self.hub.enter(send, topic, handshake.credentials, viewer)
            try:
                await client.serve(receive, newest, handshake.after)
            finally:
                self.hub.forget(client)
            return None

    async def _admit(self, topic: Topic, handshake: Handshake) -> tuple[Viewer | Refusal, int]:
        try:
            return await self.hub.admit(handshake.credentials, topic, handshake.address)
        except Error:
            return NO_DATABASE, 0


application = StreamApplication()
gauges.show(gauges.STREAM_CLIENTS, lambda: len(application.hub.clients))
