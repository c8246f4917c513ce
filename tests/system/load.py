"""Cameras that go on uploading while a test does something else."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from tests import files
from tests.system.running import Running, foscam_name

CAMERAS = 3


def send(running: Running, number: int, first: int = 0) -> list[str]:
    """`number` pictures at once, numbered from `first`; their paths."""
    return [put(running, first + one) for one in range(number)]


def put(running: Running, number: int) -> str:
    """The picture of that number, taken just now; its path."""
    path = f"camera{number % CAMERAS}/{foscam_name(datetime.now(UTC) - timedelta(seconds=5), number)}"
    running.put(path, files.jpeg(number))
    return path


class Load:
    """Uploads `number` pictures while the block runs, and all of them before it ends. `sent` has the paths."""

    def __init__(self, running: Running, number: int, *, first: int = 0, pause_seconds: float = 0.1) -> None:
        self.sent: list[str] = []
        self._running, self._numbers = running, range(first, first + number)
        self._pause_seconds = pause_seconds
        self._hurry = threading.Event()
        self._grown = threading.Condition()
        self._thread = threading.Thread(target=self._send, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hurry.set()
        self._thread.join(60)
        assert error or len(self.sent) == len(self._numbers)

    def reaches(self, number: int) -> None:
        """Wait until so many are sent."""
        with self._grown:
            assert self._grown.wait_for(lambda: len(self.sent) >= number, timeout=60)

    def _send(self) -> None:
        for number in self._numbers:
            path = put(self._running, number)
            with self._grown:
                self.sent.append(path)
                self._grown.notify_all()
            self._hurry.wait(self._pause_seconds)
