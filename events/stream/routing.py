"""The sockets' ASGI application: refuses what may not come in, and serves the rest.

Plain ASGI and no Channels consumer: a consumer costs a thread change for each message and client.
"""

from __future__ import annotations

from typing import Any

from django.db import Error

from events.stream.client import Receive
from events.stream.handshake import Handshake, read
from events.stream.hub import Hub
from events.stream.messages import Close
from events.stream.outgoing import Send
from events.stream.viewer import Refusal, Viewer
from hsi import figures

PATH = "/ws/events"
IN_URL = Refusal(
    Close.NOT_SIGNED_IN, "A token belongs into the Authorization header or a subprotocol, not into the URL."
)
NO_DATABASE = Refusal(Close.TRY_AGAIN, "The database does not answer.")


class StreamApplication:
    def __init__(self, hub: Hub | None = None) -> None:
        self.hub = hub or Hub()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        handshake = read(scope)
        if scope["path"].rstrip("/") != PATH or not handshake.is_ours:
            await send({"type": "websocket.close", "code": int(Close.NOT_ALLOWED)})  # before accepting: HTTP 403
            return
        # Accepted even if refused next: a browser's script sees a close code, and no HTTP status.
        await send({"type": "websocket.accept", "subprotocol": handshake.subprotocol})
        async with self.hub.connection():
            await self._serve(handshake, receive, send)

    async def _serve(self, handshake: Handshake, receive: Receive, send: Send) -> None:
        viewer, newest = await self._admit(handshake)
        if isinstance(viewer, Refusal):
            await send({"type": "websocket.close", "code": int(viewer.code), "reason": viewer.reason})
            return
        client = self.hub.enter(send, handshake.credentials, viewer)
        try:
            await client.serve(receive, newest, handshake.after)
        finally:
            self.hub.forget(client)

    async def _admit(self, handshake: Handshake) -> tuple[Viewer | Refusal, int]:
        if handshake.has_token_in_url:
            return IN_URL, 0
        try:
            return await self.hub.admit(handshake.credentials)
        except Error:
            return NO_DATABASE, 0


application = StreamApplication()
figures.show(figures.STREAM_CLIENTS, lambda: len(application.hub.clients))
