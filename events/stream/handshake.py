"""What a client brings when it connects: where from, as whom, from which number on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.utils.http import is_same_domain

from events.stream.viewer import Credentials
from hsi.http.client_address import client_network
from hsi.security.credentials import session_key
from hsi.security.tokens import token_in

# A browser's script can set no header, but it names subprotocols.
TOKEN_PROTOCOL = "hsi.token."  # noqa: S105
IN_URL = frozenset({"token", "access_token", "api_key", "apikey"})


@dataclass(frozen=True, slots=True)
class Handshake:
    """`after` is the text of `?after=`, None without one. `subprotocol` is to be named in the answer:
    a browser gives up when it offered one and hears of none. `address` is its network.
    """

    address: str
    credentials: Credentials
    subprotocol: str | None
    after: str | None
    is_ours: bool
    has_token_in_url: bool


def read(scope: Mapping[str, Any]) -> Handshake:
    """The handshake of an ASGI websocket scope."""
    request = ASGIRequest({**scope, "method": "GET"}, BytesIO())
    offered = (name for name in scope.get("subprotocols", ()) if name.startswith(TOKEN_PROTOCOL))
    subprotocol = next(offered, None)
    token = token_in(request) or (subprotocol or "").removeprefix(TOKEN_PROTOCOL)
    return Handshake(
        address=client_network(request.META),
        credentials=Credentials(token, "" if token else session_key(request)),
        subprotocol=subprotocol,
        after=request.GET.get("after"),
        is_ours=_is_ours(request),
        has_token_in_url=any(name.lower() in IN_URL for name in request.GET),
    )


def _is_ours(request: HttpRequest) -> bool:
    """Whether our own pages, a trusted origin, or no browser at all sent this.

    Browsers always send the origin of the page; scheme and port 80 or 443 are left out of the
    comparison with `Host`, because behind a proxy the server does not know them.
    """
    try:
        host = request.get_host().lower()
    except DisallowedHost:
        return False
    text = request.headers.get("Origin")
    if text is None:
        return True
    try:
        origin = urlsplit(text.lower())
    except ValueError:
        return False
    if origin.scheme not in ("http", "https") or not origin.netloc:
        return False
    return origin.netloc == host or any(_matches(origin, urlsplit(one)) for one in settings.CSRF_TRUSTED_ORIGINS)


def _matches(origin: SplitResult, trusted: SplitResult) -> bool:
    """A trusted origin is exact, or has a star for any subdomain, as Django has it."""
    domain = trusted.netloc.lower()
    if origin.scheme != trusted.scheme.lower():
        return False
    return origin.netloc == domain or ("*" in domain and is_same_domain(origin.netloc, domain.lstrip("*")))
