"""Django's ASGI application, which reads a body from the file of the server, and the server of static files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import IO, Any, TypeVar

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler
from servestatic import ServeStatic, ServeStaticASGI

from hsi.http import url_prefix

# The key of an ASGI scope for the file that holds the whole body, positioned at its start.
BODY = "hsi.body"
Server = TypeVar("Server", ServeStatic, ServeStaticASGI)
Receive = Callable[[], Awaitable[Mapping[str, Any]]]


class ReceiveWithBody:
    """An ASGI `receive` whose first message has no body, because `body` holds it."""

    def __init__(self, receive: Receive, body: IO[bytes]) -> None:
        self._receive, self.body = receive, body

    async def __call__(self) -> Mapping[str, Any]:
        return await self._receive()


class Handler(ASGIHandler):
    """Reads a body from the file of the server. Django's own handler would copy it into a second file."""

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
    """Set Django up and return its ASGI application."""
    django.setup(set_prefix=False)
    return Handler()


def with_static_files(kind: type[Server], application: object) -> Server:
    """Return `application` behind a server of the static files of every app, in place: there is no collectstatic.

    A browser revalidates its copies, so that an upgrade never mixes old and new scripts.
    """
    # An ASGI path includes the URL prefix, a WSGI path does not.
    url: str = settings.STATIC_URL if kind is ServeStaticASGI else url_prefix.strip_prefix(settings.STATIC_URL)
    static = kind(application, max_age=0, allow_all_origins=False, autorefresh=settings.DEBUG)
    for finder in get_finders():
        for storage in getattr(finder, "storages", {}).values():
            static.add_files(storage.location, prefix=url.strip("/"))
    return static
