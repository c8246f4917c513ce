"""A Valkey of one test's own, that may be stopped, started again and broken in other ways."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from tests.engines import valkey
from tests.engines.process import Server, free_port, private_folder


class PrivateValkey:
    """Keeps nothing when it stops, as one without a disk does."""

    def __init__(self, folder: Path, address: str) -> None:
        self._folder, self.address = folder, address
        self._program = valkey._program(folder)
        self.port = free_port()
        self._server: Server | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://{self.address}:{self.port}/0"

    def start(self) -> None:
        self._server = valkey._start(self._program, self._folder, self.port, self.address)

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def say(self, *command: str | int) -> Any:
        """Send one command on a connection of its own."""
        with redis.Redis(self.address, self.port) as client:
            return client.execute_command(*command)


@contextmanager
def private_valkey(address: str = "127.0.0.1") -> Iterator[PrivateValkey]:
    folder = private_folder("valkey")
    server = PrivateValkey(folder, address)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
