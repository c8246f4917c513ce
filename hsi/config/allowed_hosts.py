"""The host names and addresses of this machine, including those that it gets while the system runs."""

from __future__ import annotations

import ctypes
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv6Address, ip_address

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0  # the machine is inspected at most this often, even for many foreign hosts
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class MachineHosts(list[str]):
    """A value for `ALLOWED_HOSTS` that inspects the machine again after an iteration without a match.

    The next inspection drops addresses that the machine has lost. Only an unknown host costs anything: a look at the
    clock, and an inspection every `LOOK_SECONDS`.
    """

    def __init__(
        self, found: Callable[[], list[str]] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._found, self._clock = found or own_hosts, clock
        self._lock = threading.Lock()
        self._looked_at = clock()
        super().__init__(self._found())

    def __iter__(self) -> Iterator[str]:
        known = self[:]
        yield from known
        self._look_again()
        yield from (host for host in self[:] if host not in known)

    def _look_again(self) -> None:
        with self._lock:
            if self._clock() - self._looked_at < LOOK_SECONDS:
                return
            self._looked_at = self._clock()
            now = self._found()
            if now != self[:]:
                logger.info("This machine is reached by: %s", ", ".join(now))
                self[:] = now


def own_hosts() -> list[str]:
    """Return the allowed `Host` headers of this machine without network requests."""
    name = socket.gethostname()
    short = name.partition(".")[0]
    # The address of the default route comes first, if there is one.
    found = dict.fromkeys([*LOOPBACK, name, short, f"{short}.local", *_outward(), *interface_addresses()])
    return [host for host in found if host]


def _outward() -> list[str]:
    """Return the address of the default route, for systems that cannot list their interfaces."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a datagram socket: connecting sends nothing
            return [str(probe.getsockname()[0])]
        except OSError:
            return []


class _Interface(ctypes.Structure):
    """The start of `struct ifaddrs`, which is the same on Linux and BSD."""


_Interface._fields_ = [
    ("next", ctypes.POINTER(_Interface)),
    ("name", ctypes.c_char_p),
    ("flags", ctypes.c_uint),
    ("address", ctypes.c_void_p),
]
FAMILY_AT = 1 if sys.platform == "darwin" else 0  # BSD stores the length of the address before its family


def interface_addresses() -> list[str]:
    """Return the addresses of all interfaces as `Host` headers, or none if the system cannot list them."""
    try:
        library = ctypes.CDLL(None)
        getifaddrs, freeifaddrs = library.getifaddrs, library.freeifaddrs
    except (OSError, AttributeError, TypeError):
        return []
    first = ctypes.POINTER(_Interface)()
    freeifaddrs.argtypes = [ctypes.POINTER(_Interface)]
    if getifaddrs(ctypes.byref(first)):
        return []
    try:
        return list(_addresses(first))
    finally:
        freeifaddrs(first)


def _addresses(first: ctypes._Pointer[_Interface]) -> Iterator[str]:
    place = first
    while place:
        if place.contents.address:
            family = ctypes.string_at(place.contents.address + FAMILY_AT, 1)[0]
            if family == socket.AF_INET:
                yield str(ip_address(ctypes.string_at(place.contents.address + 4, 4)))
            elif family == socket.AF_INET6:
                yield f"[{IPv6Address(ctypes.string_at(place.contents.address + 8, 16))}]"
        place = place.contents.next
