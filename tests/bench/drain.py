"""A backlog of 50,000 waiting uploads before `run_detection`: what it weighs meanwhile, and how fast it goes.

Not all of them are drained here, which would take minutes: the peak is that of the first 10,000, with
all 50,000 rows and jobs there from the beginning.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection
from django.test import override_settings

from cameras.models import Upload
from detection.models import Detection
from hsi.models import WorkerHeartbeat
from tests.bench import backlog
from tests.bench.figure import Figure
from tests.bench.memory import memory_megabytes
from tests.engines.environment import ROOT

WAITING, DRAINED = 50_000, 10_000
SETTLE_SECONDS = 5.0  # longer than a heartbeat and the first looks of every loop
LONGEST_SECONDS = 400.0
LOOK_SECONDS = 0.5
STUB = {"DETECTOR": "tests.bench.instant.Instant", "QUEUE_MAX_SIZE": str(2 * WAITING)}


def figures() -> Iterator[Figure]:
    """Peak resident memory against that of the idle process, and uploads a second."""
    name = f"on {connection.vendor}{' and redis' if settings.REDIS_URL else ''}"
    with override_settings(QUEUE_MAX_SIZE=2 * WAITING):
        ids = backlog.waiting_uploads(WAITING, backlog.originals((320, 180)))
        with run_detection() as process:
            time.sleep(SETTLE_SECONDS)
            idle = memory_megabytes(process.pid, "VmRSS")
            backlog.queue(ids)
            began = time.monotonic()
            wait_until(drained, process)
            rate = DRAINED / (time.monotonic() - began)
            peak = memory_megabytes(process.pid, "VmHWM")
    assert Detection.objects.count() >= DRAINED
    yield Figure(
        f"{WAITING} waiting {name}, peak memory while {DRAINED} drain",
        peak,
        "MB",
        limit=idle,
        ratio=peak / idle,
        at_most=1.5,
    )
    yield Figure(f"{WAITING} waiting {name}, drained", rate, "uploads/s")


@contextmanager
def run_detection() -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process of its own, once it has given its sign of life."""
    process = subprocess.Popen([sys.executable, str(ROOT / "manage.py"), "run_detection"], env={**os.environ, **STUB})
    try:
        wait_until(WorkerHeartbeat.objects.filter(kind="detection").exists, process)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def drained() -> bool:
    return Upload.objects.waiting().count() <= WAITING - DRAINED


def wait_until(reached: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while not reached():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"run_detection did not get there, exit status {process.poll()}")
        time.sleep(LOOK_SECONDS)
