"""Log lines: one line per record, with nothing in it that a file name could use to forge another, and no secret.

`said` is what console, file and database are given of a record.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from hsi.logs import context
from hsi.logs.redaction import redact

LONGEST_MESSAGE, LONGEST_STACK = 8_000, 20_000
MARGIN = 2_000  # looked at beyond what is kept: half a secret would not be known as one


@dataclass(frozen=True, slots=True)
class Said:
    """A record's text and stack, escaped and redacted. `stack` may have several lines."""

    message: str
    stack: str


def said(record: logging.LogRecord) -> Said:
    """Made once a record, whoever asks first."""
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
    """`2026-11-23T16:20:05.123Z WARNING hsi.queues: text [request=abc user=5]`. Control characters are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        words = said(record)
        line = f"{time_of(record)} {record.levelname} {record.name}: {words.message}{context.words()}"
        return f"{line}\n{words.stack}" if words.stack else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, component, message, stack where there is one, and what it is about."""

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
    """`text` with control characters, line separators and undecodable bytes escaped."""
    return "".join(
        c if c.isprintable() or c == " " else c.encode("unicode_escape", "backslashreplace").decode("ascii")
        for c in text
    )
