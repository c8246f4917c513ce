"""Files that cameras send: what their names promise, what is too large, and every fault that one may have."""

from __future__ import annotations

import os
from typing import BinaryIO, ClassVar, Literal

from hsi.errors import MediaError

# By what names files are taken for pictures and clips. Their content tells what they are: see `file_types`.
_IMAGE_NAMES = frozenset((".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"))
_VIDEO_NAMES = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".mkv", ".webm", ".avi", ".dav", ".asf", ".wmv", ".flv"),
        *(".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".vob", ".mjpeg", ".mjpg"),
        *(".264", ".h264", ".avc", ".265", ".h265", ".hevc"),
    )
)


class MediaFaultError(MediaError):
    """A file cannot be used. `reason` is a stable word for tables, metrics and the quarantine."""

    reason: ClassVar[str] = "broken"


class EmptyError(MediaFaultError):
    """The file is empty; it may be about to be written."""

    reason = "empty"


class TruncatedError(MediaFaultError):
    """The file ends too early; the rest may be on its way."""

    reason = "truncated"


class RenamedError(MediaFaultError):
    """The content is neither a picture nor a clip, whatever the extension says."""

    reason = "renamed"


class TooLargeError(MediaFaultError):
    """The file has more bytes than are allowed."""

    reason = "too_large"


class TooManyPixelsError(MediaFaultError):
    """The picture has more pixels than are allowed."""

    reason = "too_many_pixels"


class BrokenError(MediaFaultError):
    """The content is damaged and cannot be decoded."""

    reason = "broken"


class UnsupportedError(MediaFaultError):
    """This kind of file is not handled."""

    reason = "unsupported"


class LinkedError(MediaFaultError):
    """It has a second name (hard link) elsewhere, so it is left where it is: copy it here instead."""

    reason = "linked"


def extension(name: str) -> str:
    """The last extension of a name or path, in lower case with its dot, or ""."""
    stem, dot, last = name.rpartition("/")[2].rpartition(".")
    return dot + last.lower() if stem else ""


def kind_of(name: str) -> Literal["image", "video"] | None:
    """What a file of this name should be; None for what is neither."""
    if extension(name) in _IMAGE_NAMES:
        return "image"
    return "video" if extension(name) in _VIDEO_NAMES else None


def checked_size(file: BinaryIO, max_bytes: int) -> int:
    """The size in bytes of an open file, which is left at its start.

    Raises `EmptyError` and `TooLargeError`, before a byte is read.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size == 0:
        raise EmptyError
    if size > max_bytes:
        raise TooLargeError(f"{size} bytes, at most {max_bytes} are allowed")
    return size


def check_pixels(width: int, height: int, max_pixels: int) -> None:
    """Raise `TooManyPixelsError` or, for a picture without area, `BrokenError`."""
    if width <= 0 or height <= 0:
        raise BrokenError("a picture without area")
    if width * height > max_pixels:
        raise TooManyPixelsError(f"{width} x {height} pixels, at most {max_pixels} are allowed")
