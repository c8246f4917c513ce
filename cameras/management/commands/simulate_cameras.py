"""Simulate cameras for a demo or a load test."""

from __future__ import annotations

import itertools
import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cameras.simulation.camera import SimulatedCamera
from cameras.simulation.runner import Simulation, demo_cameras, load_test_uploads

MOST_CAMERAS = 64
# How far in the past an endless load test begins, so that its simulated times are never in the future.
LOAD_TEST_BACKLOG = timedelta(days=1)


class Command(BaseCommand):
    help = "Draw scenes with people and cars and upload them as real cameras do."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--cameras", type=int, default=3, help=f"Number of cameras, 1 to {MOST_CAMERAS} (default 3).")
        add("--rate", type=float, default=1.0, help="Stills per second and camera while something moves (default 1).")
        add("--seed", type=int, default=1, help="Random seed. The same seed gives the same visits (default 1).")
        add("--root", type=Path, default=None, help="Folder to upload into (default: the configured camera folder).")
        add("--count", type=int, default=None, help="Stop after this many uploads.")
        add("--fast", action="store_true", help="Upload as fast as the disk allows, with simulated times.")
        add("--duplicates", action="store_true", help="With --fast: upload the same few pictures repeatedly.")
        add("--faults", action="store_true", help="Upload a truncated picture now and then.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["cameras"] <= MOST_CAMERAS:
            raise CommandError(f"--cameras: {options['cameras']} is not between 1 and {MOST_CAMERAS}.")
        if not 0 < options["rate"] <= 100:
            raise CommandError(f"--rate: {options['rate']} is not above 0 and at most 100.")
        if options["count"] is not None and options["count"] < 1:
            raise CommandError(f"--count: {options['count']} is not at least 1.")
        if options["duplicates"] and not options["fast"]:
            raise CommandError("--duplicates needs --fast.")
        root = options["root"] or settings.CAMERA_ROOT
        cameras = demo_cameras(root, options["cameras"], options["seed"], faults=options["faults"])
        with _stopped_by_signals() as stop:
            if options["fast"]:
                sent = _run_fast(cameras, options["count"], stop, duplicates=options["duplicates"])
            else:
                sent = _run_paced(Simulation(cameras, options["rate"]), options["count"], stop)
        self.stdout.write(f"{sent} uploads from {len(cameras)} cameras into {root}")


def _run_paced(simulation: Simulation, count: int | None, stop: threading.Event) -> int:
    while not stop.is_set():
        pause_seconds = simulation.step(datetime.now(UTC), most=None if count is None else count - simulation.uploaded)
        if count is not None and simulation.uploaded >= count:
            break
        stop.wait(pause_seconds)
    return simulation.uploaded


def _run_fast(cameras: list[SimulatedCamera], count: int | None, stop: threading.Event, *, duplicates: bool) -> int:
    backlog = LOAD_TEST_BACKLOG if count is None else timedelta(seconds=math.ceil(count / len(cameras)))
    sent = 0
    for _ in itertools.islice(load_test_uploads(cameras, datetime.now(UTC) - backlog, duplicates=duplicates), count):
        sent += 1
        if stop.is_set():
            break
    return sent


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set. Outside the main thread signals cannot be received."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {name: signal.signal(name, lambda *_: stop.set()) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
