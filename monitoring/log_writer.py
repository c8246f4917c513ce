"""Write buffered log lines to the database, in the flusher thread. Lines wait in memory during a database outage."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DataError, IntegrityError
from django.db.models import QuerySet

from hsi.logs.buffer import Line, buffer
from hsi.logs.formatters import printable
from hsi.metrics import histograms
from hsi.queues import ANALYSIS_QUEUE, DETECTION_QUEUE, FAST_PATH_QUEUE, QueueName
from monitoring.models import LogEntry

AT_ONCE = 200
BIGGEST_ID = 2**63 - 1
# The kind of row of each queue.
ROW_IS = {DETECTION_QUEUE: "upload", FAST_PATH_QUEUE: "batch", ANALYSIS_QUEUE: "batch"}


class Writer:
    """Writes the lines of `buffer`. Not thread-safe."""

    def __init__(self) -> None:
        self._in_hand: list[Line] = []
        self._counted_dropped = 0

    def flush(self) -> None:
        """Write all lines. On DatabaseError and InterfaceError, which are raised, the lines are kept."""
        self._count_dropped()
        while lines := self._in_hand or buffer.take(AT_ONCE):
            self._in_hand = lines
            try:
                LogEntry.objects.bulk_create([entry(line) for line in lines])
            except (DataError, IntegrityError):
                histograms.count(histograms.LOG_LINES_DROPPED, by=len(lines))  # these lines can never be written
            self._in_hand = []

    def _count_dropped(self) -> None:
        dropped = buffer.dropped
        if dropped > self._counted_dropped:
            histograms.count(histograms.LOG_LINES_DROPPED, by=dropped - self._counted_dropped)
            self._counted_dropped = dropped


def entry(line: Line) -> LogEntry:
    about = _about(line.about)
    return LogEntry(
        created_at=line.time, level=line.level, component=line.component[:120], message=line.message, stack=line.stack,
        duration_seconds=line.duration_seconds, request_id=_text(about, "request", 64),
        camera=_text(about, "camera", 64), queue=_text(about, "queue", 40), upload=_number(about, "upload"),
        batch=_number(about, "batch"), event=_number(about, "event"),
    )  # fmt: skip


def _about(values: Mapping[str, Any]) -> dict[str, Any]:
    named = ROW_IS.get(QueueName(str(values.get("queue"))))
    return {named: values.get("row"), **values} if named else dict(values)


def _text(about: Mapping[str, Any], name: str, length: int) -> str:
    return printable(str(about.get(name) or ""))[:length]


def _number(about: Mapping[str, Any], name: str) -> int | None:
    value = about.get(name)
    return value if isinstance(value, int) and 0 <= value <= BIGGEST_ID else None


_writer = Writer()


def flush() -> None:
    """Write the log lines of this process. See `Writer.flush`."""
    _writer.flush()


def expired(now: datetime) -> QuerySet[LogEntry]:
    """Return the lines that are too old."""
    return LogEntry.objects.filter(created_at__lt=now - timedelta(days=settings.LOG_RETENTION_DAYS))
