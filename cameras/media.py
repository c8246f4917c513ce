"""What a picture file is worth: validated, hashed and made small in one read and at most one decode."""

from __future__ import annotations

import hashlib
import io
import os
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, ClassVar, Literal

from PIL import Image

from cameras import exif
from cameras.thumbnail import eight_bits, encode_thumbnail, small, thumbnail_size
from hsi.errors import MediaError

_IMAGE_TYPES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
_VIDEO_TYPES = {
    ".mp4": "video/mp4",
    ".mkv": "video/x-matroska",
    ".avi": "video/x-msvideo",
    ".mov": "video/quicktime",
    ".dav": "video/x-dav",
}
_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG_END = b"\xff\xd9"
_JPEG_SCAN = b"\xff\xda"
# Every scan of a progressive JPEG costs a pass over the whole picture, however few bytes it has.
_MAX_SCANS = 64
_FORMATS = ("JPEG", "PNG")
_OBJECT = re.compile(r" <[^>]* object at 0x[^>]*>")  # Pillow names what it reads from by its address


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
    """The content is not what the extension says."""

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


@dataclass(frozen=True, slots=True)
class Still:
    """A valid picture. `thumbnail` is a JPEG; `exif_time` is naive, on the camera's clock.

    `width`, `height` and `thumbnail` are upright, as a person sees the picture.
    """

    sha256: str
    size_bytes: int
    width: int
    height: int
    thumbnail: bytes
    exif_time: datetime | None


def extension(name: str) -> str:
    """The last extension of a name or path, in lower case with its dot, or ""."""
    stem, dot, last = name.rpartition("/")[2].rpartition(".")
    return dot + last.lower() if stem else ""


def kind_of(name: str) -> Literal["image", "video"] | None:
    """What a file of this name should be; None for what is neither."""
    if extension(name) in _IMAGE_TYPES:
        return "image"
    return "video" if extension(name) in _VIDEO_TYPES else None


def content_type_of(name: str) -> str:
    """The MIME type of a file of this name."""
    return (_IMAGE_TYPES | _VIDEO_TYPES).get(extension(name), "application/octet-stream")


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


def read_image(file: BinaryIO, *, name: str, max_bytes: int, max_pixels: int, thumbnail_width: int = 480) -> Still:
    """Validate, hash and shrink a JPEG or PNG. Raises a `MediaFaultError`; an `OSError` is a failure to read.

    A JPEG is decoded at about the size of the thumbnail, which still reads its whole stream.
    """
    checked_size(file, max_bytes)
    data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise TooLargeError(f"grew over {max_bytes} bytes while being read")
    width, height = _header(data, name)
    check_pixels(width, height, max_pixels)
    seen, thumbnail, exif_time = _decode(data, thumbnail_width)
    return Still(hashlib.sha256(data).hexdigest(), len(data), *seen, thumbnail, exif_time)


def _header(data: bytes, name: str) -> tuple[int, int]:
    """(width, height) of a file that is what its name says and has an end."""
    content_type = content_type_of(name)
    if kind_of(name) != "image":
        raise UnsupportedError(f"no picture by its extension {extension(name)!r}")
    magic = _PNG if content_type == "image/png" else _JPEG
    if not data.startswith(magic):
        if magic.startswith(data) or not data.strip(b"\0"):  # space set aside, nothing written yet
            raise TruncatedError
        raise RenamedError(f"the content is not {content_type}")
    return _png_header(data) if magic == _PNG else _jpeg_header(data)


def _jpeg_header(data: bytes) -> tuple[int, int]:
    """Size of a JPEG, read without a decoder, and the check that its end marker is there.

    Cameras append padding and data of their own after the end marker, and the EXIF data before the scan
    may hold a whole JPEG: so the marker may be anywhere after the start of the scan.
    """
    position, size = 2, None
    while True:
        position, marker, length = _next_segment(data, position)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if length < 8:
                raise BrokenError("a frame header that is too short")
            height, width = struct.unpack_from(">HH", data, position + 3)
            size = (width, height)
        elif marker == 0xDA:
            break
        position += length
    if size is None:
        raise BrokenError("a scan without a frame header")
    if data.rfind(_JPEG_END, position) < 0:
        raise TruncatedError("the end marker is missing")
    if data.count(_JPEG_SCAN, position) > _MAX_SCANS:
        raise BrokenError("too many scans")
    return size


def _next_segment(data: bytes, position: int) -> tuple[int, int, int]:
    """(position of its length field, marker, length with the length field) of the segment at `position`."""
    while data[position : position + 2] == b"\xff\xff":  # fill bytes
        position += 1
    if position + 4 > len(data):
        raise TruncatedError
    first, marker, length = struct.unpack_from(">BBH", data, position)
    if first != 0xFF or marker < 0xC0 or length < 2:
        raise BrokenError("no marker where one should be")
    if position + 2 + length > len(data):
        raise TruncatedError
    return position + 2, marker, length


def _png_header(data: bytes) -> tuple[int, int]:
    """Size of a PNG, and the check that its chunks go on to the end chunk."""
    position = len(_PNG)
    while True:
        if position + 12 > len(data):
            raise TruncatedError
        length, kind = struct.unpack_from(">I4s", data, position)
        if position == len(_PNG) and (kind != b"IHDR" or length != 13):
            raise BrokenError("no header chunk")
        if kind == b"IEND":
            break
        position += 12 + length
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _decode(data: bytes, thumbnail_width: int) -> tuple[tuple[int, int], bytes, datetime | None]:
    """((width, height) as a person sees it, thumbnail as JPEG, capture time of the EXIF data)."""
    with opened(data) as image:
        turn, exif_time = exif.turn_of(image), exif.taken_at(image)
        seen = turn.size(image.size)
        size = thumbnail_size(*seen, thumbnail_width)
        image.draft("RGB", turn.size(size))
        image.load()
        return seen, encode_thumbnail(turn.image(small(eight_bits(image), turn.size(size))), size), exif_time


@contextmanager
def opened(data: bytes) -> Iterator[Image.Image]:
    """A picture file's content, for the few formats that are decoded. What is raised becomes a `MediaFaultError`."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            yield image
    except Image.DecompressionBombError as error:
        raise TooManyPixelsError(str(error)) from error
    except exif.PILLOW_ERRORS as error:
        kind = TruncatedError if "truncated" in str(error) else BrokenError
        raise kind(f"cannot be decoded: {_OBJECT.sub('', str(error))}") from error
