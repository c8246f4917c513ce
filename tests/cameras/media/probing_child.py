"""A process that decodes, and does besides what one that a file has taken over would try: for tests alone."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from cameras.media import decoder_child


def _attempt(task: Callable[[], Any]) -> str:
    try:
        task()
    except (OSError, sqlite3.Error, subprocess.SubprocessError) as error:
        return f"{type(error).__name__}: {error}"
    return "done"


def _probe(file: BinaryIO, *, secret: str, parent: int) -> Iterator[decoder_child.Reply]:
    found = {
        "read": _attempt(lambda: Path(secret).read_bytes()),
        "query": _attempt(lambda: sqlite3.connect(f"file:{secret}?mode=ro", uri=True).execute("SELECT 1 FROM s")),
        "list": _attempt(lambda: list(Path(secret).parent.iterdir())),
        "write": _attempt(lambda: Path(secret).with_name("made").write_bytes(b"")),
        "again": _attempt(lambda: os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY)),
        "environment": _attempt(lambda: Path(f"/proc/{parent}/environ").read_bytes()),
        "connect": _attempt(lambda: socket.create_connection(("127.0.0.1", 9), 1)),
        "execute": _attempt(lambda: subprocess.run(["/bin/true"], check=True)),
        "signal": _attempt(lambda: os.kill(parent, signal.SIGCONT)),
        "own file": _attempt(lambda: os.pread(file.fileno(), 1, 0)),
    }
    yield found, b""


if __name__ == "__main__":
    decoder_child.TASKS["probe"] = _probe
    decoder_child.main(*map(int, sys.argv[1:4]))
