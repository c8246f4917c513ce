"""What happens before a consumer serves a socket: origin check, credentials, and limits of connections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urlparse

from channels.auth import AuthMiddleware
from channels.security.websocket import OriginValidator, WebsocketDenier
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest

from events.stream.access import Credentials
from hsi.http.client_address import client_network
from hsi.security.credentials import session_key, token_text
from hsi.security.rate_limit import NO_CREDENTIAL, Credential

# JavaScript in a browser cannot set a header of a socket, but it can name subprotocols.
TOKEN_PROTOCOL = "hsi.token."  # noqa: S105
IN_URL = frozenset({"token", "access_token", "api_key", "apikey"})
# A consumer with this alias has no channel layer: the hub calls it directly.
NO_CHANNEL_LAYER = ""


class Denier(WebsocketDenier):
    """Refuse a socket before it is accepted: HTTP 403."""

    channel_layer_alias = NO_CHANNEL_LAYER


class SiteOriginValidator(OriginValidator):
    """Channels' origin check, with the host of the request and `CSRF_TRUSTED_ORIGINS` as the allowed origins.

    A client that sends no origin is not a browser and may connect. The scheme of the own host is not compared,
    because behind a proxy the server does not know it.
    """

    def __init__(self, application: Any) -> None:
        super().__init__(application, [])

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        application: Any = self.application if self._is_allowed(scope) else Denier()
        await application(scope, receive, send)

    def _is_allowed(self, scope: Mapping[str, Any]) -> bool:
        request = _request(scope)
        try:
            host = request.get_host().lower()
        except DisallowedHost:
            return False
        origin = request.headers.get("Origin")
        if origin is None:
            return True
        trusted = (pattern.replace("://*.", "://.") for pattern in settings.CSRF_TRUSTED_ORIGINS)
        try:
            parsed = urlparse(origin.lower())
            return parsed.scheme in ("http", "https") and any(
                self.match_allowed_origin(parsed, pattern)
                for pattern in (f"http://{host}", f"https://{host}", *trusted)
            )
        except ValueError:  # an address or port that cannot be one
            return False


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a client sent when it connected.

    `network` is the address of the client as the limits count it. `subprotocol` must be named in the answer: a browser
    drops the connection when it offered one and none is chosen. `after` is the text of `?after=`.
    """

    network: str
    credentials: Credentials
    subprotocol: str | None
    after: str | None
    has_token_in_url: bool


class TokenAuthMiddleware(AuthMiddleware):
    """Channels' authentication for sessions and API tokens: `scope["handshake"]` has the credentials.

    The user is not looked up here. The consumer does so after it has counted the connection, so that a crowd costs no
    query; the hub repeats the lookup every few seconds.
    """

    def populate_scope(self, scope: Any) -> None:
        request = _request(scope)
        offered = (name for name in scope.get("subprotocols", ()) if name.startswith(TOKEN_PROTOCOL))
        subprotocol = next(offered, None)
        token = token_text(request) or Credential((subprotocol or "").removeprefix(TOKEN_PROTOCOL))
        scope["handshake"] = Handshake(
            network=client_network(request.META),
            credentials=Credentials(token, NO_CREDENTIAL if token else session_key(request)),
            subprotocol=subprotocol,
            after=request.GET.get("after"),
            has_token_in_url=any(name.lower() in IN_URL for name in request.GET),
        )

    async def resolve_scope(self, scope: Any) -> None:
        pass


class ConnectionLimiter:
    """Counts open connections by a name: in total, of one address, of one user. Each process counts its own."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextmanager
    def slot(self, name: str, limit: int) -> Iterator[bool]:
        """Hold a slot for the duration of the block. Yields False, and holds none, when `limit` are taken."""
        is_free = self._open[name] < limit
        self._open[name] += is_free
        try:
            yield is_free
        finally:
            self._open[name] -= is_free
            if not self._open[name]:
                del self._open[name]


def _request(scope: Mapping[str, Any]) -> ASGIRequest:
    return ASGIRequest({**scope, "method": "GET"}, BytesIO())
