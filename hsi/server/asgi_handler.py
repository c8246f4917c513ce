"""Django's ASGI handler, for a server that has a request's body in a file already."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import IO, Any

import django
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler

# The key of a scope under which the server leaves the file with the whole body, at its start.
BODY = "hsi.body"
Receive = Callable[[], Awaitable[Mapping[str, Any]]]


class ReceiveWithBody:
    """An ASGI `receive` whose first message has no body in it: that is in `body`."""

    def __init__(self, receive: Receive, body: IO[bytes]) -> None:
        self._receive, self.body = receive, body

    async def __call__(self) -> Mapping[str, Any]:
        return await self._receive()


class Handler(ASGIHandler):
    """Reads a body from the server's own file. Django's handler would copy it into another one."""

    async def handle(self, scope: Any, receive: Receive, send: Any) -> None:
        body = scope.get(BODY)
        await super().handle(scope, receive if body is None else ReceiveWithBody(receive, body), send)

    async def read_body(self, receive: Receive) -> IO[bytes]:
        if not isinstance(receive, ReceiveWithBody):
            return await super().read_body(receive)
        if (await receive())["type"] == "http.disconnect":
            raise RequestAborted
        return receive.body


def django_application() -> Handler:
    """Set Django up, and return its application."""
    django.setup(set_prefix=False)
    return Handler()
