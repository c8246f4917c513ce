"""Drop the headers by which proxies describe the original request to servers and frameworks.

A client could send them too. Only X-Forwarded-For and X-Forwarded-Proto of a trusted proxy (TRUSTED_PROXY_IPS) are
kept. All others are dropped before any code reads them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from hsi.http import url_prefix
from hsi.http.client_address import is_trusted

ASGI = Callable[[Any, Any, Any], Awaitable[None]]
WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]

FROM_TRUSTED_PROXIES = frozenset({"x-forwarded-for", "x-forwarded-proto"})
# Path prefixes, hosts, schemes, client addresses, users, and overrides of the method or the path, as known to servers
# (daphne, gunicorn, uWSGI, IIS), proxies (nginx, Traefik, HAProxy, Envoy, Cloudflare) and frameworks.
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
    """Return whether a header of this name (any case, with hyphens or underscores) is to be dropped."""
    name = name.lower().replace("_", "-")
    if name in FROM_TRUSTED_PROXIES:
        return not from_trusted_proxy
    return name in DROPPED or name.startswith(DROPPED_PREFIXES)


def accepted_headers(headers: Iterable[tuple[bytes, bytes]], peer: str) -> list[tuple[bytes, bytes]]:
    """Return the headers of an ASGI scope without those that are to be dropped."""
    trusted = is_trusted(peer)
    return [
        (name, value) for name, value in headers if not is_dropped(name.decode("latin-1"), from_trusted_proxy=trusted)
    ]


def drop_headers(environ: dict[str, Any]) -> None:
    """Remove the headers that are to be dropped from a WSGI environment."""
    trusted = is_trusted(str(environ.get("REMOTE_ADDR") or ""))
    for key in [key for key in environ if key.startswith("HTTP_")]:
        if is_dropped(key.removeprefix("HTTP_"), from_trusted_proxy=trusted):
            del environ[key]


class SanitizedASGI:
    """Calls `application` with a scope whose root path is URL_PREFIX, without the headers that are to be dropped."""

    def __init__(self, application: ASGI) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            peer = (scope.get("client") or ("",))[0] or ""
            scope = {
                **scope,
                "root_path": url_prefix.link(""),
                "path": url_prefix.link(url_prefix.strip_prefix(scope["path"])),
                "headers": accepted_headers(scope["headers"], peer),
            }
        await self._application(scope, receive, send)


class SanitizedWSGI:
    """Does the same for a WSGI application."""

    def __init__(self, application: WSGI) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        drop_headers(environ)
        environ["SCRIPT_NAME"] = url_prefix.link("")
        environ["PATH_INFO"] = url_prefix.strip_prefix(environ.get("PATH_INFO", "/"))
        for name in ("SCRIPT_URL", "REDIRECT_URL"):
            environ.pop(name, None)
        return self._application(environ, start_response)
