"""Where a request comes from: the peer's address, or what a proxy that we trust says of it.

`X-Forwarded-For` is heeded only when the peer is in TRUSTED_PROXY_IPS. It is read from the right, where each proxy has
added whom it saw, up to the first address that is no proxy of ours: whatever stands left of that the client wrote.
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
# A household or a host has a whole /64, so one address of it stands for all.
IPV6_PREFIX = 64
SCHEME = "hsi.forwarded_proto"


class ForwardedSchemeMiddleware(Middleware):
    """Notes `X-Forwarded-Proto` of a trusted proxy where Django looks for it, and where no client can write."""

    def before(self, request: HttpRequest) -> None:
        scheme = request.headers.get("X-Forwarded-Proto")
        if scheme and settings.TRUSTED_PROXY_IPS and is_trusted(request.META.get("REMOTE_ADDR", "")):
            request.META[SCHEME] = scheme.rsplit(",", 1)[-1].strip().lower()


def client_address(meta: Mapping[str, Any]) -> str:
    """The address of who sent a request with these `META`; empty where it came over a socket without one."""
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
    """What a client cannot change at will: its IPv4 address, or the first 64 bits of its IPv6 address."""
    text = client_address(meta)
    if ":" not in text:
        return text
    return str(ip_network(f"{text}/{IPV6_PREFIX}", strict=False).network_address)


def is_trusted(address: str) -> bool:
    return is_in(address, settings.TRUSTED_PROXY_IPS)


def is_in(address: str, networks: Sequence[str]) -> bool:
    """Whether `address` lies in one of `networks` (addresses or CIDR). Never where it is no address."""
    text = _plain(address)
    if not networks or not text:
        return False
    parsed = ip_address(text)
    return any(parsed in network for network in _networks(tuple(networks)))


@cache
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ip_network(text, strict=False) for text in texts)


def _plain(text: str) -> str:
    """An address without port, brackets and zone, an IPv4 one in its own form; empty for what is none."""
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
