"""Run loops as a process: the base class of their commands, threads, signals, and a clean end."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils.module_loading import import_string

from hsi.config import private_files
from hsi.workers.flusher import PeriodicFlusher
from hsi.workers.loop import Loop

logger = logging.getLogger(__name__)


def embedded_loops() -> list[Loop]:
    """Return every loop that `up` runs beside the web server."""
    return [loop for factory in settings.EMBEDDED_LOOPS for loop in import_string(factory)()]


class LoopThreads:
    """Loops in threads of their own, each started again when it fails."""

    def __init__(self, loops: Iterable[Loop]) -> None:
        self.loops = list(loops)
        self.threads = [threading.Thread(target=loop.run_forever, name=loop.name, daemon=True) for loop in self.loops]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        for loop in self.loops:
            loop.stop()

    def join(self, timeout_seconds: float) -> list[str]:
        """Wait for all to end; the names of those that did not."""
        for thread in self.threads:
            thread.join(timeout_seconds)
        return [thread.name for thread in self.threads if thread.is_alive()]


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Call `stop` at the first SIGTERM or SIGINT, and end the process at the second. Call this in the main thread."""
    signals = 0

    def on_signal(number: int, frame: object) -> None:
        nonlocal signals
        signals += 1
        if signals > 1:
            os._exit(128 + number)
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)


def run(loops: Sequence[Loop], *, once: bool = False, drain: bool = False) -> None:
    """Run loops until SIGTERM or SIGINT: the first finishes what is in hand, the second ends now.

    With `once` and `drain` the loops run one after the other.
    """

    def stop() -> None:
        for loop in loops:
            loop.stop()

    if threading.current_thread() is threading.main_thread():
        stop_on_signals(stop)
    with PeriodicFlusher() as flusher:
        if once or drain:
            for loop in loops:
                loop.run(once=once, drain=drain)
            return
        threads = LoopThreads(loops[1:])
        threads.start()
        loops[0].run_forever()
        threads.stop()
        end(threads, loops, flusher)


def end(threads: LoopThreads, loops: Sequence[Loop], flusher: PeriodicFlusher) -> None:
    """Wait for `threads` as long as the grace time allows. Does not return where work in hand had to be cut off.

    Python would wait for the threads that do it, however long they take.
    """
    unfinished = threads.join(settings.SHUTDOWN_GRACE_SECONDS + 2)
    if unfinished:
        logger.warning("Stopped without waiting longer for: %s", ", ".join(unfinished))
    flusher.stop()
    if unfinished or any(loop.cut_off for loop in loops):
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)


class LoopCommand(BaseCommand):
    """Run `make_loops(options)` until stopped."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="Run one pass, then exit.")
        parser.add_argument("--drain", action="store_true", help="Exit when no work is waiting.")

    def handle(self, *args: Any, **options: Any) -> None:
        private_files.tighten()
        run(self.make_loops(options), once=options["once"], drain=options["drain"])

    def make_loops(self, options: dict[str, Any]) -> list[Loop]:
        raise NotImplementedError
