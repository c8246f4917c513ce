"""A cable between two programs, that a test may pull: what it listens on stays the same, whoever is behind.

with Cable(peer.url) as cable:
    settings.RTDETR_URL = cable.url
    cable.pull()       # every connection breaks, and no new one is accepted
    cable.plug_in()
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

CHUNK_BYTES = 65536


class Cable:
    """From a port of its own at `address` to whatever `url` names."""

    def __init__(self, url: str, *, address: str = "127.0.0.1") -> None:
        parts = urlsplit(url)
        self._far = (parts.hostname or "", parts.port or 80)
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._near = (address, 0)
        self.plug_in()
        self.url = f"{parts.scheme}://{self._near[0]}:{self._near[1]}{parts.path}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.pull()

    def plug_in(self) -> None:
        listener = socket.create_server(self._near, backlog=128)
        self._near = listener.getsockname()
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def pull(self) -> None:
        with self._lock:
            listener, self._listener = self._listener, None
            broken, self._open = self._open, set()
        for one in [*broken, *([listener] if listener else [])]:
            _hang_up(one)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return  # it was pulled
            try:
                far = socket.create_connection(self._far, timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                pulled = listener is not self._listener
                if not pulled:
                    self._open |= {near, far}
            if pulled:
                _hang_up(near)
                _hang_up(far)
                return
            for ends in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):  # it was pulled, or one end hung up
            while data := source.recv(CHUNK_BYTES):
                target.sendall(data)
        with self._lock:
            self._open -= {source, target}
        _hang_up(source)
        _hang_up(target)


def _hang_up(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)  # wakes whoever waits on it, which closing alone does not
    one.close()
