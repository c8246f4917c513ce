"""A deadline for a whole HTTP exchange. httpx bounds each single read only.

A peer that sends a byte per second never reaches a read timeout. Here every read and write of an exchange gets the
remaining time of one deadline per thread.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import httpcore
import httpx

_own = threading.local()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Make the requests of this thread fail with a read timeout after `seconds`."""
    _own.ends_at = time.monotonic() + seconds
    try:
        yield
    finally:
        _own.ends_at = None


def _left(timeout: float | None) -> float | None:
    ends_at: float | None = getattr(_own, "ends_at", None)
    if ends_at is None:
        return timeout
    left = ends_at - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the deadline has passed")
    return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        *others, last = self._addresses or [host]
        for address in others:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return _Stream(super().connect_tcp(address, port, _left(timeout), local_address, socket_options))
        return _Stream(super().connect_tcp(last, port, _left(timeout), local_address, socket_options))


def transport(
    limits: httpx.Limits,
    *,
    addresses: Sequence[str] = (),
    verify: ssl.SSLContext | bool = True,
    proxy: str | None = None,
) -> httpx.HTTPTransport:
    """Return a transport of httpx whose connections respect `within`.

    With `addresses`, connect to the first of these that answers, independent of the host of the URL. The `Host` header
    and the name in the certificate stay those of the URL. `proxy` is the URL of an HTTP proxy.
    """
    made = httpx.HTTPTransport(limits=limits, verify=verify, proxy=proxy)
    made._pool._network_backend = _Backend(addresses)  # httpx has no public interface for this
    return made
