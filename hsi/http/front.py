"""What stands before the applications of both servers: the mount point, and the headers that count."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from hsi.http import mount, proxy_headers

ASGI = Callable[[Any, Any, Any], Awaitable[None]]
WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]


class FrontASGI:
    """Gives `application` a scope whose mount point is the setting's, without headers that only proxies may send."""

    def __init__(self, application: ASGI) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            peer = (scope.get("client") or ("",))[0] or ""
            scope = {
                **scope,
                "root_path": mount.link(""),
                "path": mount.link(mount.below(scope["path"])),
                "headers": proxy_headers.kept(scope["headers"], peer),
            }
        await self._application(scope, receive, send)


class FrontWSGI:
    """The same for a WSGI environment."""

    def __init__(self, application: WSGI) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        proxy_headers.drop(environ)
        environ["SCRIPT_NAME"] = mount.link("")
        environ["PATH_INFO"] = mount.below(environ.get("PATH_INFO", "/"))
        for name in ("SCRIPT_URL", "REDIRECT_URL"):
            environ.pop(name, None)
        return self._application(environ, start_response)
