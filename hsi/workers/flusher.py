"""The thread of each process that writes its log lines and figures, and sees which settings were changed,

so that nobody who works has to.
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
END_SECONDS = 5.0  # how long the end of a process waits for what is being written
TOLD_SECONDS = 60.0  # how often it is said that nothing can be written


class Recorder:
    """Calls each function of `settings.RECORDERS` before the work begins, every second, and a last time at the end.

    They raise DatabaseError or InterfaceError where they cannot do it now, and keep what they have.
    """

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write_on, name="recorder", daemon=True)
        self._told_at = float("-inf")

    def __enter__(self) -> Recorder:
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Write what is left, if that can be. May be called again."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._thread.join(END_SECONDS)
        if not self._thread.is_alive():
            self._write()

    def _write_on(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            self._write()
        connections.close_all()

    def _write(self) -> None:
        buffer.writer = threading.get_ident()
        try:
            for path in settings.RECORDERS:
                self._call(path)
            drop_bad_connections()
        finally:
            buffer.writer = 0

    def _call(self, path: str) -> None:
        try:
            import_string(path)()
        except (DatabaseError, InterfaceError) as error:
            if time.monotonic() - self._told_at > TOLD_SECONDS:
                self._told_at = time.monotonic()
                logger.warning("Log lines and metrics cannot be written, and live settings cannot be read: %s", error)
