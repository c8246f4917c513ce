"""Log lines: one line per record, with nothing in it that a file name could use to forge another."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from hsi import logcontext


class LineFormatter(logging.Formatter):
    """`2026-11-23T16:20:05.123Z WARNING cameras.intake: text [request=abc user=5]`. Control characters are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = printable(record.getMessage())
        line = f"{time} {record.levelname} {record.name}: {text}{logcontext.words()}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def printable(text: str) -> str:
    """`text` with control characters, line separators and undecodable bytes escaped."""
    return "".join(
        c if c.isprintable() or c == " " else c.encode("unicode_escape", "backslashreplace").decode("ascii")
        for c in text
    )
