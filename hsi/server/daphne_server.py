"""Daphne with back-pressure and with limits on what a client may send.

Daphne alone reads a whole body before it looks at the request, and buffers an answer for a client that does not read.
Here the headers decide whether a body is read (`hsi.server.admission`), a body is stored in one file, and the
application waits while the client does not read. Daphne also omits the reason of a close, and drops a connection on a
message that is too large instead of closing it with 1009; `Server` does both. Twisted limits the headers (500, 16 KiB).

Importing this module installs Twisted's reactor, which only a serving process may do.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
from typing import IO, Any, cast

import daphne.server
from channels.db import database_sync_to_async
from daphne import http_protocol
from django.core.handlers.asgi import ASGIRequest
from twisted.internet import reactor
from twisted.protocols.basic import LineReceiver
from twisted.web.http import HTTPChannel

from hsi.errors import HSIError, RequestTimeoutError
from hsi.http import body_limits, problem, proxy_headers, url_prefix
from hsi.http.client_address import client_network
from hsi.server import admission, bodies
from hsi.server.application import BODY

logger = logging.getLogger(__name__)

CHECK_SECONDS = 1.0
IDLE_SECONDS = 60
# After a refusal, more data is read and dropped for this long and up to this size.
LINGER_SECONDS = 2.0
MOST_DROPPED_BYTES = 1024 * 1024
# RFC 6455: a control frame carries 125 bytes, and the code takes two of them.
LONGEST_REASON_BYTES = 123
# A client that reads nothing of an answer for this long is disconnected.
STALLED_SECONDS = 120.0


class Channel(HTTPChannel):
    """A connection whose idle timeout runs until a request starts, even while bytes trickle in."""

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        if self.requests:
            self.resetTimeout()  # type: ignore[no-untyped-call]
        LineReceiver.dataReceived(self, data)  # type: ignore[no-untyped-call]

    def _send100Continue(self) -> None:  # noqa: N802
        """Delay Twisted's 100 Continue until the body is admitted."""
        self.requests[-1].go_on()


class Window:
    """Whether the client reads. Twisted pauses and resumes it as the producer of the answer."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    async def wait(self) -> None:
        if not self._open.is_set():
            await self._open.wait()

    def pauseProducing(self) -> None:  # noqa: N802
        self._open.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        self._open.set()

    def stopProducing(self) -> None:  # noqa: N802
        self._open.set()


class Request(http_protocol.WebRequest):  # type: ignore[misc]  # daphne has no types
    """A request whose progress is checked once a second until it is complete or refused."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.content: Any
        self.window: Window | None = None
        # The file with the complete body, which the application reads.
        self.body_file: IO[bytes] | None = None
        self._body: bodies.Body | None = None
        self._is_over = False  # refused, answered or disconnected
        self._dropped_bytes = 0
        self._waits_for_admission = self._is_complete = self._wants_to_go_on = False
        self._began = _now()
        self._check = _later(CHECK_SECONDS, self._check_progress)

    def gotLength(self, length: int | None) -> None:  # noqa: N802
        """Decide about the body. Twisted calls this after the headers; `length` is None for a chunked body."""
        super().gotLength(length)
        # Daphne itself reads a path prefix from this header.
        self.requestHeaders.removeHeader(b"daphne-root-path")
        if length == 0:
            return
        try:
            self._body = bodies.begin(self._network(), self._path(), length)
            if self._body.needs_admission:
                self._ask_for_admission(length)
        except HSIError as error:
            self._refuse(error)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        if self._is_over or self._body is None:
            self._drop(len(data))
            return
        try:
            self._body.receive(len(data))
            super().handleContentChunk(data)
        except HSIError as error:
            self._refuse(error)
        except OSError as error:
            logger.error("A body could not be stored: %s", error)
            self._refuse(admission.TemporaryStorageFullError())

    def go_on(self) -> None:
        """Send 100 Continue, for which the client waits before it sends the body (RFC 9110 10.1.1)."""
        if self._waits_for_admission:
            self._wants_to_go_on = True
        elif not self._is_over:
            self.channel.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def process(self) -> Any:
        if self._is_over:
            return None  # refused before it was complete
        if self._waits_for_admission:
            self._is_complete = True
            return None
        self._stop_checking()
        if self._body is not None:
            self._hand_over()
        return super().process()

    def _hand_over(self) -> None:
        """Pass the file with the body to the application. Daphne would read all of it into memory."""
        body: IO[bytes] = self.content
        self.body_file, self.content = body, io.BytesIO()
        length = body.seek(0, os.SEEK_END)
        body.seek(0)
        # The length of a chunked body is known by now, and the application needs it.
        self.requestHeaders.removeHeader(b"transfer-encoding")
        self.requestHeaders.setRawHeaders(b"content-length", [str(length).encode()])

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self._end()
        super().connectionLost(reason)

    def finish(self) -> None:
        if self.window is not None:
            self.unregisterProducer()
        self._end()
        super().finish()

    def open_window(self) -> bool:
        """Start back-pressure with the first part of the answer. Return False if the client is gone."""
        if self.finished or self.channel is None:
            return False
        if self.window is None:
            self.window = Window()
            self.registerProducer(self.window, True)
        return True

    def abort(self) -> None:
        if self.channel is not None:
            self.channel.transport.abortConnection()

    def _ask_for_admission(self, length: int | None) -> None:
        """Pause reading until the sender is admitted."""
        self._waits_for_admission = True
        self.channel._networkProducer.pauseProducing()
        task = asyncio.get_event_loop().create_task(self._admit(ASGIRequest(self._scope(), io.BytesIO()), length))
        task.add_done_callback(self._log_failure)

    async def _admit(self, head: ASGIRequest, length: int | None) -> None:
        error = None
        try:
            await database_sync_to_async(admission.admit)(head, length)
        except HSIError as refused:
            error = refused
        self._waits_for_admission = False
        if self._is_over:
            return
        if error is not None:
            self._refuse(error)
            return
        if self._wants_to_go_on:
            self.go_on()
        if self._is_complete:
            self.process()
        else:
            self.channel._networkProducer.resumeProducing()

    def _log_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            logger.error("A request with a body could not be processed", exc_info=error)
            self._refuse(HSIError(problem.OUR_FAULT))

    def _scope(self) -> dict[str, Any]:
        """Return an ASGI scope with what authentication of the sender needs."""
        peer = self._peer()
        headers = [(name.lower(), value) for name, values in self.requestHeaders.getAllRawHeaders() for value in values]
        return {
            "type": "http",
            "method": self.channel._command.decode("latin-1"),
            "path": url_prefix.link(self._path()),
            "query_string": b"",
            "headers": proxy_headers.accepted_headers(headers, peer),
            "client": (peer, 0),
        }

    def _path(self) -> str:
        return url_prefix.strip_prefix(str(self.channel._path.partition(b"?")[0].decode("latin-1")))

    def _peer(self) -> str:
        return str(getattr(self.channel.getPeer(), "host", "") or "")

    def _network(self) -> str:
        forwarded = b",".join(self.requestHeaders.getRawHeaders(b"x-forwarded-for", []))
        return client_network({"REMOTE_ADDR": self._peer(), "HTTP_X_FORWARDED_FOR": forwarded.decode("latin-1")})

    def _check_progress(self) -> None:
        late = self._body.is_late() if self._body is not None else _now() - self._began > body_limits.longest_seconds(0)
        if late and not self._waits_for_admission:
            self._refuse(RequestTimeoutError())
        else:
            self._check = _later(CHECK_SECONDS, self._check_progress)

    def _stop_checking(self) -> None:
        if self._check is not None and self._check.active():
            self._check.cancel()
        self._check = None

    def _end(self) -> None:
        self._is_over = True
        self._stop_checking()
        if self.window is not None:
            self.window.stopProducing()
        if self._body is not None:
            self._body.end()

    def _refuse(self, error: HSIError) -> None:
        """Answer with `error` and close the connection."""
        if self._is_over:
            return
        self._end()
        channel = self.channel
        channel.transport.write(problem.raw_answer(error))
        # A client that is still sending would not see the answer if the connection closed at once. So more data is
        # dropped for a moment, and only our half of the connection is closed, which ends the answer.
        channel.transport.loseWriteConnection()
        channel._networkProducer.resumeProducing()
        _later(LINGER_SECONDS, channel.transport.abortConnection)

    def _drop(self, count: int) -> None:
        self._dropped_bytes += count
        if self._dropped_bytes > MOST_DROPPED_BYTES and self.channel is not None:
            self.channel.transport.abortConnection()


def _now() -> float:
    return float(cast(Any, reactor).seconds())


def _later(seconds: float, call: Any) -> Any:
    return cast(Any, reactor).callLater(seconds, call)


class Factory(http_protocol.HTTPFactory):  # type: ignore[misc]
    protocol = Channel

    def buildProtocol(self, address: Any) -> Any:  # noqa: N802
        protocol = super().buildProtocol(address)
        protocol.requestFactory = Request
        protocol.timeOut = IDLE_SECONDS
        return protocol


class Server(daphne.server.Server):  # type: ignore[misc]  # daphne has no types
    def run(self) -> None:
        daphne.server.HTTPFactory = Factory  # daphne offers no other way to replace it
        super().run()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if scope["type"] == "websocket":
            protocol.failByDrop = False
            protocol.window = Window()
            protocol.transport.unregisterProducer()  # the HTTP channel, which the WebSocket replaces
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
            # `sendClose` accepts 1000 and private codes only, not 1008 for example.
            reason = (message.get("reason") or "").encode()[:LONGEST_REASON_BYTES]
            protocol.sendCloseFrame(code=message.get("code", 1000), reasonUtf8=reason, isReply=False)
            return
        await super().handle_reply(protocol, message)
