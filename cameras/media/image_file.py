"""What a picture file is worth: validated, hashed and made small in one read and at most one decode."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from PIL import Image

from cameras.media import exif, file_types
from cameras.media.formats import (
    BrokenError,
    RenamedError,
    TooManyPixelsError,
    TruncatedError,
    check_pixels,
    checked_size,
)
from cameras.media.shrink import eight_bits, encode_thumbnail, small, thumbnail_size
from cameras.media.still_headers import SIZE_OF, jpeg_from_start

_FORMATS = ("JPEG", "PNG", "WEBP")
_OBJECT = re.compile(r" <[^>]* object at 0x[^>]*>")  # Pillow names what it reads from by its address


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


def read_image(file: BinaryIO, *, name: str, max_bytes: int, max_pixels: int, thumbnail_width: int = 480) -> Still:
    """Validate, hash and shrink a JPEG, PNG or WebP, whatever its `name` says.

    A JPEG is decoded at about the size of the thumbnail, which still reads its whole stream. Raises a
    `MediaFaultError`; an `OSError` is a failure to read.
    """
    # Not as much as is allowed: memory is set aside for what is asked for.
    data = file.read(checked_size(file, max_bytes))
    found = file_types.of(data[: file_types.HEAD_BYTES], name)
    if found.kind != "image":
        raise RenamedError("the content is no picture")
    picture = jpeg_from_start(data)
    check_pixels(*SIZE_OF[found.content_type](picture), max_pixels)
    seen, thumbnail, exif_time = _decode(picture, thumbnail_width, max_pixels)
    return Still(hashlib.sha256(data).hexdigest(), len(data), *seen, thumbnail, exif_time)


def _decode(data: bytes, thumbnail_width: int, max_pixels: int) -> tuple[tuple[int, int], bytes, datetime | None]:
    """((width, height) as a person sees it, thumbnail as JPEG, capture time of the EXIF data)."""
    with opened(data) as image:
        check_pixels(*image.size, max_pixels)
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
        with Image.open(io.BytesIO(jpeg_from_start(data)), formats=_FORMATS) as image:
            yield image
    except Image.DecompressionBombError as error:
        raise TooManyPixelsError(str(error)) from error
    except exif.PILLOW_ERRORS as error:
        kind = TruncatedError if "truncated" in str(error) else BrokenError
        raise kind(f"cannot be decoded: {_OBJECT.sub('', str(error))}") from error
