"""What the name of a file promises, size limits, and the errors of files that cannot be used."""

from __future__ import annotations

import os
from typing import BinaryIO, ClassVar, Literal

from hsi.errors import MediaError

# Extensions of pictures and clips. The content decides what a file is: see `file_types`.
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
    """The file is empty. It may be about to be written."""

    reason = "empty"


class TruncatedError(MediaFaultError):
    """The file ends too early. The rest may be on its way."""

    reason = "truncated"


class RenamedError(MediaFaultError):
    """The content is neither a picture nor a clip, although the extension says so."""

    reason = "renamed"


class MediaTooLargeError(MediaFaultError):
    """The file has more bytes than allowed."""

    reason = "too_large"


class TooManyPixelsError(MediaFaultError):
    """The picture has more pixels than allowed."""

    reason = "too_many_pixels"


class BrokenError(MediaFaultError):
    """The content is damaged and cannot be decoded."""

    reason = "broken"


class UnsupportedError(MediaFaultError):
    """This kind of file is not supported."""

    reason = "unsupported"


class HardLinkError(MediaFaultError):
    """The file has a second name (hard link) elsewhere, so it stays where it is. Copy it here instead."""

    reason = "linked"


def extension(name: str) -> str:
    """Return the last extension of a name or path in lower case with its dot, or ""."""
    stem, dot, last = name.rpartition("/")[2].rpartition(".")
    return dot + last.lower() if stem else ""


def kind_from_name(name: str) -> Literal["image", "video"] | None:
    """Return what a file with this name should be, or None for neither."""
    if extension(name) in _IMAGE_NAMES:
        return "image"
    return "video" if extension(name) in _VIDEO_NAMES else None


def checked_size(file: BinaryIO, max_bytes: int) -> int:
    """Return the size in bytes of an open file, and rewind it.

    Raise `EmptyError` or `MediaTooLargeError` before a byte is read.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size == 0:
        raise EmptyError
    if size > max_bytes:
        raise MediaTooLargeError(f"{size} bytes, at most {max_bytes} are allowed")
    return size


def check_pixels(width: int, height: int, max_pixels: int) -> None:
    """Raise `TooManyPixelsError`, or `BrokenError` for a picture without area."""
    if width <= 0 or height <= 0:
        raise BrokenError("a picture without area")
    if width * height > max_pixels:
        raise TooManyPixelsError(f"{width} x {height} pixels, at most {max_pixels} are allowed")
