"""Daphne with back-pressure: sending to a client that does not read waits.

Daphne alone takes everything it is given and keeps it in memory: a client that does not read would cost the whole
answer, and nobody could notice a slow socket. It also leaves out the reason of a close, and drops a connection on a
message that is too large instead of closing it with 1009.
"""

from __future__ import annotations

import asyncio
from typing import Any

import daphne.server

from hsi.server.asgi_handler import BODY
from hsi.server.daphne_server import Factory, Window

# RFC 6455: a control frame carries 125 bytes, two of them are the code.
LONGEST_REASON_BYTES = 123
# A client that takes nothing of an answer for this long is gone, or wants to hold us.
STALLED_SECONDS = 120.0


class Server(daphne.server.Server):  # type: ignore[misc]  # daphne has no types
    def run(self) -> None:
        daphne.server.HTTPFactory = Factory  # daphne makes it itself, and takes no other
        super().run()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if scope["type"] == "websocket":
            protocol.failByDrop = False
            protocol.window = Window()
            protocol.transport.unregisterProducer()  # the HTTP channel, which the socket has replaced
            protocol.transport.registerProducer(protocol.window, True)
        elif protocol.body_file is not None:
            scope[BODY] = protocol.body_file
        return super().create_application(protocol, scope)

    def protocol_disconnected(self, protocol: Any) -> None:
        if window := getattr(protocol, "window", None):
            window.stopProducing()
        super().protocol_disconnected(protocol)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "websocket.send":
            await protocol.window.wait()
        elif kind == "http.response.body" and protocol.open_window():
            try:
                await asyncio.wait_for(protocol.window.wait(), STALLED_SECONDS)
            except TimeoutError:
                protocol.abort()
                return
        elif kind == "websocket.close" and protocol.state == protocol.STATE_OPEN:
            # `sendClose` takes 1000 and our own codes only, and would refuse 1008 and its like.
            reason = (message.get("reason") or "").encode()[:LONGEST_REASON_BYTES]
            protocol.sendCloseFrame(code=message.get("code", 1000), reasonUtf8=reason, isReply=False)
            return
        await super().handle_reply(protocol, message)
