"""A bounded buffer in memory for log lines that a separate thread writes to the database.

Logging never waits for the database and never fails because of it. Lines above the limit are dropped and counted.
"""

from __future__ import annotations

import logging
import logging.handlers
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hsi.config.log_config import OURS
from hsi.logs import context
from hsi.logs.formatters import said

MOST_LINES = 5_000
OWN = frozenset(OURS)


@dataclass(frozen=True, slots=True)
class Line:
    """One log line. `about` is its log context."""

    time: datetime
    level: int
    component: str
    message: str
    stack: str
    duration_seconds: float | None
    about: dict[str, Any]


class LogBuffer:
    """A bounded buffer.

    `dropped` only grows. Lines of the thread `writer` are skipped, because it would log about itself.
    """

    def __init__(self, most: int = MOST_LINES) -> None:
        self._lines: deque[Line] = deque()
        self._most = most
        self.dropped = 0
        self.writer = 0  # the thread's id

    def put(self, line: Line) -> None:
        """Add a line. The lock of the handler makes the count of dropped lines exact."""
        if len(self._lines) < self._most:
            self._lines.append(line)
        else:
            self.dropped += 1

    def take(self, limit: int) -> list[Line]:
        """Return up to `limit` lines, oldest first. Only one thread may call this."""
        taken: list[Line] = []
        while len(taken) < limit:
            try:
                taken.append(self._lines.popleft())
            except IndexError:
                break
        return taken

    def __len__(self) -> int:
        return len(self._lines)


buffer = LogBuffer()


class BufferHandler(logging.handlers.QueueHandler):
    """Put our lines into `buffer`, and lines of libraries from WARNING.

    The base class keeps every error here away from the code that logs.
    """

    def __init__(self) -> None:
        super().__init__(buffer)  # type: ignore[arg-type]  # only `enqueue` uses it

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread == buffer.writer:
            return False
        ours = record.name.partition(".")[0] in OWN
        return (ours or record.levelno >= logging.WARNING) and bool(super().filter(record))

    def prepare(self, record: logging.LogRecord) -> Line:
        words = said(record)
        duration = record.__dict__.get("duration_seconds")
        return Line(
            time=datetime.fromtimestamp(record.created, UTC),
            level=record.levelno,
            component=record.name,
            message=words.message,
            stack=words.stack,
            duration_seconds=float(duration) if isinstance(duration, (int, float)) else None,
            about=dict(context.current()),
        )

    def enqueue(self, record: Any) -> None:
        buffer.put(record)
