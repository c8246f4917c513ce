"""Headers by which proxies tell servers and frameworks about the original request.

A client could send them as well, so only those of a trusted proxy (`TRUSTED_PROXY_IPS`) are read, and only two
exist for this system: X-Forwarded-For and X-Forwarded-Proto. All others are dropped before anything reads them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from hsi.http import url_prefix
from hsi.http.client_address import is_trusted

ASGI = Callable[[Any, Any, Any], Awaitable[None]]
WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]

FROM_TRUSTED_PROXIES = frozenset({"x-forwarded-for", "x-forwarded-proto"})
# Mount points, hosts, schemes, client addresses, users, and overrides of the method or the path, as servers
# (daphne, gunicorn, uWSGI, IIS), proxies (nginx, Traefik, HAProxy, Envoy, Cloudflare) and frameworks know them.
DROPPED = frozenset(
    {
        "cf-connecting-ip", "cf-visitor", "daphne-root-path", "fastly-client-ip", "forwarded", "front-end-https",
        "path-info", "proxy", "redirect-url", "remote-addr", "remote-user", "script-name", "script-url",
        "true-client-ip", "wsgi-url-scheme", "x-auth-request-user", "x-authenticated-user", "x-client-ip",
        "x-cluster-client-ip", "x-forwarded", "x-host", "x-http-host-override", "x-http-method", "x-method-override",
        "x-path-info", "x-prefix", "x-proxyuser-ip", "x-real-ip", "x-remote-addr", "x-remote-user", "x-request-uri",
        "x-root-path", "x-scheme", "x-script-name", "x-url-scheme",
    }
)  # fmt: skip
DROPPED_PREFIXES = ("x-forwarded-", "x-original-", "x-rewrite-", "x-http-method-", "x-envoy-", "x-ms-forwarded-")


def is_dropped(name: str, *, from_trusted_proxy: bool) -> bool:
    """Tell whether a header of this name (any case, with hyphens or underscores) must not reach the application."""
    name = name.lower().replace("_", "-")
    if name in FROM_TRUSTED_PROXIES:
        return not from_trusted_proxy
    return name in DROPPED or name.startswith(DROPPED_PREFIXES)


def kept(headers: Iterable[tuple[bytes, bytes]], peer: str) -> list[tuple[bytes, bytes]]:
    """Return the headers of an ASGI scope without those that must not reach the application."""
    trusted = is_trusted(peer)
    return [
        (name, value) for name, value in headers if not is_dropped(name.decode("latin-1"), from_trusted_proxy=trusted)
    ]


def drop(environ: dict[str, Any]) -> None:
    """Remove them from a WSGI environment."""
    trusted = is_trusted(str(environ.get("REMOTE_ADDR") or ""))
    for key in [key for key in environ if key.startswith("HTTP_")]:
        if is_dropped(key.removeprefix("HTTP_"), from_trusted_proxy=trusted):
            del environ[key]


class SanitizedASGI:
    """Gives `application` a scope whose mount point is the setting's, without headers that only proxies may send."""

    def __init__(self, application: ASGI) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            peer = (scope.get("client") or ("",))[0] or ""
            scope = {
                **scope,
                "root_path": url_prefix.link(""),
                "path": url_prefix.link(url_prefix.strip_prefix(scope["path"])),
                "headers": kept(scope["headers"], peer),
            }
        await self._application(scope, receive, send)


class SanitizedWSGI:
    """The same for a WSGI environment."""

    def __init__(self, application: WSGI) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        drop(environ)
        environ["SCRIPT_NAME"] = url_prefix.link("")
        environ["PATH_INFO"] = url_prefix.strip_prefix(environ.get("PATH_INFO", "/"))
        for name in ("SCRIPT_URL", "REDIRECT_URL"):
            environ.pop(name, None)
        return self._application(environ, start_response)
