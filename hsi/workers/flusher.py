"""The background thread of each process.

Once a second it writes buffered log lines and figures to the database and reloads changed settings.
"""

from __future__ import annotations

import logging
import threading
import time

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.utils.module_loading import import_string

from hsi.logs.buffer import buffer
from hsi.workers.loop import drop_bad_connections

logger = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
END_SECONDS = 5.0  # how long `stop` waits for the write in progress
WARN_SECONDS = 60.0  # at most one warning in this time


class PeriodicFlusher:
    """Calls each function of `settings.PERIODIC_FLUSHES` at the start, every second, and once more at the end.

    A function that raises DatabaseError or InterfaceError keeps its data for the next call.
    """

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flusher", daemon=True)
        self._warned_at = float("-inf")

    def __enter__(self) -> PeriodicFlusher:
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Write the remaining data if possible. A second call does nothing."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._thread.join(END_SECONDS)
        if not self._thread.is_alive():
            self._write()

    def _run(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            self._write()
        connections.close_all()

    def _write(self) -> None:
        buffer.writer = threading.get_ident()
        try:
            for path in settings.PERIODIC_FLUSHES:
                self._call(path)
            drop_bad_connections()
        finally:
            buffer.writer = 0

    def _call(self, path: str) -> None:
        try:
            import_string(path)()
        except (DatabaseError, InterfaceError) as error:
            if time.monotonic() - self._warned_at > WARN_SECONDS:
                self._warned_at = time.monotonic()
                logger.warning("Log lines and metrics cannot be written, and live settings cannot be read: %s", error)
