"""How large a request may be, and how long it may take to arrive."""

from __future__ import annotations

import re

from django.conf import settings

# A file comes in a form, which needs a little room of its own.
FORM_BYTES = 64 * 1024
# A body up to this length is read before its sender is known: it holds any login form.
UNKNOWN_SENDER_BYTES = 64 * 1024
# A body that keeps coming may take any time, at this pace or better.
SLOWEST_BYTES_PER_SECOND = 8 * 1024


_ways_in: list[tuple[re.Pattern[str], type]] = []


def takes_files(pattern: str, subject: type) -> None:
    """Let paths (below the mount point) that match `pattern` take bodies as long as a file, which add to `subject`."""
    _ways_in.append((re.compile(pattern), subject))


def file_subject(path: str) -> type | None:
    """Return what a file sent to `path` (below the mount point) adds to; None where no files are taken."""
    return next((subject for pattern, subject in _ways_in if pattern.fullmatch(path)), None)


def longest_body_bytes(path: str) -> int:
    """Return how many bytes the body of a request for `path` (below the mount point) may have."""
    if file_subject(path) is not None:
        return int(settings.VIDEO_MAX_BYTES) + FORM_BYTES
    return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def longest_seconds(received_bytes: int) -> float:
    """Return how long a request may have taken of which so much has arrived."""
    return float(settings.REQUEST_TIMEOUT_SECONDS) + received_bytes / SLOWEST_BYTES_PER_SECOND
