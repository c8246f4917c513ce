"""`manage.py up` on a database that exists: how soon it is ready, and what it weighs when nothing happens."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from statistics import median

from tests.bench.figure import Figure
from tests.bench.memory import memory_megabytes
from tests.bench.serving import serving
from tests.engines.process import free_port

STARTS = 3
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


def up() -> AbstractContextManager[tuple[subprocess.Popen[bytes], float]]:
    port = free_port()
    command = [sys.executable, "manage.py", "up", "--host", "127.0.0.1", "--port", str(port)]
    return serving(command, port, {**os.environ, **ADMINISTRATOR})
