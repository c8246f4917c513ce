"""Format a log record as one line that contains no secret, and that no file name can forge.

`said` prepares the text for console, file and database.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from hsi.logs import context
from hsi.logs.redaction import redact

LONGEST_MESSAGE, LONGEST_STACK = 8_000, 20_000
MARGIN = 2_000  # also redact beyond the kept length, because half a secret would not be recognised


@dataclass(frozen=True, slots=True)
class Said:
    """The text and stack of a record, escaped and redacted. `stack` may have several lines."""

    message: str
    stack: str


def said(record: logging.LogRecord) -> Said:
    """Prepare a record once, for all formatters."""
    kept = record.__dict__.get("hsi_said")
    if not isinstance(kept, Said):
        message = redact(record.getMessage()[: LONGEST_MESSAGE + MARGIN])[:LONGEST_MESSAGE]
        stack = logging.Formatter().formatException(record.exc_info) if record.exc_info else record.exc_text or ""
        lines = redact(stack[-LONGEST_STACK - MARGIN :])[-LONGEST_STACK:].splitlines()
        kept = record.__dict__["hsi_said"] = Said(printable(message), "\n".join(map(printable, lines)))
    return kept


def time_of(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class LineFormatter(logging.Formatter):
    """Format `2026-11-23T16:20:05.123Z WARNING hsi.queues: text [request=abc user=5]`. Escape control characters."""

    def format(self, record: logging.LogRecord) -> str:
        words = said(record)
        line = f"{time_of(record)} {record.levelname} {record.name}: {words.message}{context.words()}"
        return f"{line}\n{words.stack}" if words.stack else line


class JsonFormatter(logging.Formatter):
    """Format one JSON object per line: time, level, component, message, stack if there is one, and context."""

    def format(self, record: logging.LogRecord) -> str:
        words = said(record)
        line = {
            "time": time_of(record),
            "level": record.levelname,
            "component": record.name,
            "message": words.message,
            **({"stack": words.stack} if words.stack else {}),
            **{name: value if isinstance(value, int) else str(value) for name, value in context.current().items()},
        }
        return json.dumps(line, ensure_ascii=False)


def printable(text: str) -> str:
    """Escape the control characters, line separators and undecodable bytes of `text`."""
    return "".join(
        c if c.isprintable() or c == " " else c.encode("unicode_escape", "backslashreplace").decode("ascii")
        for c in text
    )
