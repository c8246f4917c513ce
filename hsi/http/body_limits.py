"""Limits of a request body: its size, and the time it may take to arrive."""

from __future__ import annotations

import re

from django.conf import settings

from hsi.errors import InvalidRequestError, PayloadTooLargeError

# Paths that accept files. The form around a file takes a few bytes more.
UPLOADS = re.compile(r"/api/cameras/[^/]+/uploads/?")
FORM_BYTES = 64 * 1024
# The longest body that is read before its sender is authenticated. A login form fits.
UNKNOWN_SENDER_BYTES = 64 * 1024
# The slowest rate at which a long body may arrive.
SLOWEST_BYTES_PER_SECOND = 8 * 1024
_MOST_DIGITS = 18  # a Content-Length with more digits exceeds every limit


def is_upload(path: str) -> bool:
    """Return whether `path` (below the URL prefix) accepts files."""
    return UPLOADS.fullmatch(path) is not None


def content_length(text: str) -> int:
    """Return the number of a Content-Length header; 0 for an empty one.

    Raises InvalidRequestError if it is not a whole number, and PayloadTooLargeError if it exceeds every limit.
    """
    text = text or "0"
    if not (text.isascii() and text.isdigit()):
        raise InvalidRequestError("Content-Length must be a whole number.")
    if len(text) > _MOST_DIGITS:
        raise PayloadTooLargeError
    return int(text)


def longest_body_bytes(path: str) -> int:
    """Return how many bytes the body of a request for `path` (below the URL prefix) may have."""
    if is_upload(path):
        return int(settings.VIDEO_MAX_BYTES) + FORM_BYTES
    return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def longest_seconds(received_bytes: int) -> float:
    """Return how long a request may have taken when `received_bytes` of it have arrived."""
    return float(settings.REQUEST_TIMEOUT_SECONDS) + received_bytes / SLOWEST_BYTES_PER_SECOND
