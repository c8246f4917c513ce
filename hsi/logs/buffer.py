"""Log lines on their way into the database: kept in memory, bounded, until a thread of their own writes them.

Whoever logs never waits for the database, and never fails because of it. What does not fit is dropped and counted.
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
    """One log line. `about` is the log context of whoever logged."""

    time: datetime
    level: int
    component: str
    message: str
    stack: str
    duration_seconds: float | None
    about: dict[str, Any]


class LogBuffer:
    """Bounded lines. `dropped` only grows. Lines of the thread `writer` are not kept: it would write about itself."""

    def __init__(self, most: int = MOST_LINES) -> None:
        self._lines: deque[Line] = deque()
        self._most = most
        self.dropped = 0
        self.writer = 0  # the thread's id

    def put(self, line: Line) -> None:
        """Called under the handler's lock, so that two that drop are counted as two."""
        if len(self._lines) < self._most:
            self._lines.append(line)
        else:
            self.dropped += 1

    def take(self, limit: int) -> list[Line]:
        """Up to `limit` lines, the oldest first. For one thread."""
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
    """Puts our own lines into `buffer`, and others' from WARNING on.

    The base class sees to it that nothing that goes wrong here reaches whoever logs.
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
