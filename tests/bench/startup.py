"""`manage.py up` on a database that exists: how soon it is ready, and what it weighs when nothing happens."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from tests.bench.figure import Figure
from tests.bench.memory import memory_megabytes
from tests.engines.environment import ROOT
from tests.engines.process import free_port

STARTS = 3
LONGEST_START_SECONDS = 60.0
SETTLE_SECONDS = 6.0  # longer than a heartbeat and the first looks of every loop
ADMINISTRATOR = {"DJANGO_SUPERUSER_USERNAME": "bench", "DJANGO_SUPERUSER_PASSWORD": "correct horse battery staple"}


def figures() -> Iterator[Figure]:
    """Seconds to a ready `up`, and its resident memory at rest."""
    with up():
        pass  # makes the first user; from now on the start is an ordinary one
    seconds: list[float] = []
    for number in range(STARTS):
        with up() as (process, ready_seconds):
            seconds.append(ready_seconds)
            if number == STARTS - 1:
                time.sleep(SETTLE_SECONDS)
                resident = memory_megabytes(process.pid, "VmRSS")
    yield Figure("up on an existing database to ready", median(seconds), "s", at_most=5)
    yield Figure("up at rest, resident memory", resident, "MB", at_most=250)


@contextmanager
def up() -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """A running `up` and the seconds from its start until it was ready. Stopped at the end, by its id."""
    port, began = free_port(), time.monotonic()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "up", "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, **ADMINISTRATOR},
        stdout=subprocess.DEVNULL,
    )
    try:
        while not ready(port):
            if process.poll() is not None or time.monotonic() - began > LONGEST_START_SECONDS:
                raise RuntimeError(f"up did not become ready, exit status {process.poll()}")
            time.sleep(0.02)
        yield process, time.monotonic() - began
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
