"""The address of the client: that of the peer, or the one that a trusted proxy reports.

`X-Forwarded-For` counts only if the peer is in TRUSTED_PROXY_IPS. It is read from the right, where each proxy has
appended the address of its own peer, up to the first address that is not a trusted proxy. A client can write anything
to the left of that one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from hsi.http.middleware import Middleware

Network = IPv4Network | IPv6Network
# A host has a whole /64, so all addresses of it count as one client.
IPV6_PREFIX = 64
SCHEME = "hsi.forwarded_proto"


class ForwardedSchemeMiddleware(Middleware):
    """Copies `X-Forwarded-Proto` of a trusted proxy to the key of SECURE_PROXY_SSL_HEADER, which no client can set."""

    def before(self, request: HttpRequest) -> None:
        scheme = request.headers.get("X-Forwarded-Proto")
        if scheme and settings.TRUSTED_PROXY_IPS and is_trusted(request.META.get("REMOTE_ADDR", "")):
            request.META[SCHEME] = scheme.rsplit(",", 1)[-1].strip().lower()


def client_address(meta: Mapping[str, Any]) -> str:
    """Return the client's address for the `META` of a request; empty for a Unix socket."""
    peer = str(meta.get("REMOTE_ADDR") or "")
    address = peer
    if settings.TRUSTED_PROXY_IPS and is_trusted(peer):
        for hop in reversed(str(meta.get("HTTP_X_FORWARDED_FOR", "")).split(",")):
            found = _plain(hop)
            if not found:
                break
            address = found
            if not is_trusted(found):
                break
    return _plain(address)


def client_network(meta: Mapping[str, Any]) -> str:
    """Return the part of the address that a client cannot change at will: IPv4, or the first 64 bits of IPv6."""
    text = client_address(meta)
    if ":" not in text:
        return text
    return str(ip_network(f"{text}/{IPV6_PREFIX}", strict=False).network_address)


def is_trusted(address: str) -> bool:
    return is_in(address, settings.TRUSTED_PROXY_IPS)


def is_in(address: str, networks: Sequence[str]) -> bool:
    """Return whether `address` is in one of `networks` (addresses or CIDR). False if it is not an address."""
    text = _plain(address)
    if not networks or not text:
        return False
    parsed = ip_address(text)
    return any(parsed in network for network in _networks(tuple(networks)))


@cache
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ip_network(text, strict=False) for text in texts)


def _plain(text: str) -> str:
    """Return an address without port, brackets and zone, mapped IPv4 as IPv4; empty if `text` is no address."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
