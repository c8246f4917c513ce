"""Daphne with bounds: a request that is too large, or comes too slowly, ends before it costs more than its socket.

Daphne hands a request over when all of it is there, so a slow one holds no thread, but it may hold its socket for ever:
every byte starts Twisted's idle time anew. The number and size of headers are bounded by Twisted (500, 16 KiB).

Importing this installs Twisted's reactor: only a serving process may do that.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, cast

from daphne import http_protocol
from twisted.internet import reactor
from twisted.protocols.basic import LineReceiver
from twisted.web.http import HTTPChannel

from hsi import bounds
from hsi.errors import HSIError, TooLargeError

LOOK_SECONDS = 1.0
IDLE_SECONDS = 60


class RequestTimeoutError(HSIError):
    """The request took too long to arrive."""

    code = "REQUEST_TIMEOUT"
    status = 408


class Channel(HTTPChannel):
    """A connection that is idle for as long as it has begun no request, whatever trickles in."""

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        if self.requests:
            self.resetTimeout()  # type: ignore[no-untyped-call]
        LineReceiver.dataReceived(self, data)  # type: ignore[no-untyped-call]


class Request(http_protocol.WebRequest):  # type: ignore[misc]  # daphne has no types
    """Is looked at once a second until it is there, or has been refused."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._received_bytes = 0
        self._longest_bytes = 0
        self._began = _now()
        self._look = _later(LOOK_SECONDS, self._hurry)

    def gotLength(self, length: int | None) -> None:  # noqa: N802
        super().gotLength(length)
        path = self.channel._path.partition(b"?")[0].decode("latin-1")
        self._longest_bytes = bounds.longest_body_bytes(path)
        if length is not None and length > self._longest_bytes:
            self._refuse(TooLargeError())

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        self._received_bytes += len(data)
        if self._received_bytes > self._longest_bytes:
            self._refuse(TooLargeError())
        elif self._look is not None:
            super().handleContentChunk(data)

    def process(self) -> Any:
        if self._look is None:
            return None  # refused: what still came of it is nothing to be answered
        self._rest()
        return super().process()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self._rest()
        super().connectionLost(reason)

    def _hurry(self) -> None:
        if _now() - self._began > bounds.longest_seconds(self._received_bytes):
            self._refuse(RequestTimeoutError())
        else:
            self._look = _later(LOOK_SECONDS, self._hurry)

    def _rest(self) -> None:
        if self._look is not None and self._look.active():
            self._look.cancel()
        self._look = None

    def _refuse(self, error: HSIError) -> None:
        """Answer and close. Nothing more is read: whoever sends what is not wanted is not listened to."""
        if self._look is None:
            return
        self._rest()
        self.channel.transport.write(_answer(error))
        self.channel.loseConnection()


def _answer(error: HSIError) -> bytes:
    phrase = HTTPStatus(error.status).phrase
    members = {
        "type": "about:blank",
        "title": phrase,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
    }
    content = json.dumps(members).encode()
    head = f"HTTP/1.1 {error.status} {phrase}\r\nContent-Type: application/problem+json\r\n"
    return f"{head}Content-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode() + content


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
