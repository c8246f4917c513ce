"""A web server that is measured: a process that is ready, and is stopped at the end by its id."""

from __future__ import annotations

import http.client
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO

from tests.engines.environment import ROOT

LONGEST_START_SECONDS = 60.0


@contextmanager
def serving(
    command: list[str], port: int, environment: dict[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """The running server and the seconds from its start until it was ready."""
    began = time.monotonic()
    with TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=said)
        try:
            wait(process, port, said)
            yield process, time.monotonic() - began
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait(process: subprocess.Popen[bytes], port: int, said: IO[bytes]) -> None:
    """Until it is ready. Raises `RuntimeError` with the last of what it said."""
    began = time.monotonic()
    while not ready(port):
        if process.poll() is not None or time.monotonic() - began > LONGEST_START_SECONDS:
            said.seek(0)
            raise RuntimeError(f"{process.args!r} did not become ready: {said.read()[-2000:].decode(errors='replace')}")
        time.sleep(0.02)


def ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
