"""How large a request may be, and how long it may take to arrive."""

from __future__ import annotations

import re

from django.conf import settings

from hsi.errors import InvalidRequestError, PayloadTooLargeError

# Where files come in by HTTP, in a form that needs a little room of its own.
UPLOADS = re.compile(r"/api/cameras/[^/]+/uploads/?")
FORM_BYTES = 64 * 1024
# A body up to this length is read before its sender is known: it holds any login form.
UNKNOWN_SENDER_BYTES = 64 * 1024
# A body that keeps coming may take any time, at this pace or better.
SLOWEST_BYTES_PER_SECOND = 8 * 1024
_MOST_DIGITS = 18  # of a length; more is over every bound


def is_upload(path: str) -> bool:
    """Tell whether `path` (below the mount point) takes files in."""
    return UPLOADS.fullmatch(path) is not None


def content_length(text: str) -> int:
    """Return the bytes that a Content-Length header announces; 0 where it is empty.

    Raises InvalidRequestError where it is no whole number, and PayloadTooLargeError where no bound has so many digits.
    """
    text = text or "0"
    if not (text.isascii() and text.isdigit()):
        raise InvalidRequestError("Content-Length must be a whole number.")
    if len(text) > _MOST_DIGITS:
        raise PayloadTooLargeError
    return int(text)


def longest_body_bytes(path: str) -> int:
    """Return how many bytes the body of a request for `path` (below the mount point) may have."""
    if is_upload(path):
        return int(settings.VIDEO_MAX_BYTES) + FORM_BYTES
    return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def longest_seconds(received_bytes: int) -> float:
    """Return how long a request may have taken of which so much has arrived."""
    return float(settings.REQUEST_TIMEOUT_SECONDS) + received_bytes / SLOWEST_BYTES_PER_SECOND
