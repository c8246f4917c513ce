"""Validate, hash and shrink a picture file, in one read and at most one decode."""

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
from cameras.media.still_headers import SIZE_OF, jpeg_from_start
from cameras.media.transforms import Size, encode_thumbnail, resize, thumbnail_size, to_eight_bits

_FORMATS = ("JPEG", "PNG", "WEBP")
_OBJECT = re.compile(r" <[^>]* object at 0x[^>]*>")  # Pillow's messages contain the address of the file object


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """A valid picture. `thumbnail` is a JPEG; `exif_time` is naive, on the camera's clock.

    `width`, `height` and `thumbnail` are upright.
    """

    sha256: str
    size_bytes: int
    width: int
    height: int
    thumbnail: bytes
    exif_time: datetime | None


def read_image(file: BinaryIO, *, name: str, max_bytes: int, max_pixels: int, thumbnail_width: int = 480) -> ImageInfo:
    """Validate, hash and shrink a JPEG, PNG or WebP. Its `name` does not matter.

    A JPEG is decoded at about the size of the thumbnail, which still reads its whole stream. Raise a
    `MediaFaultError`, or an `OSError` if reading fails.
    """
    # The read has an exact size, because memory is allocated for the size that is asked for.
    data = file.read(checked_size(file, max_bytes))
    file_type = file_types.identify(data[: file_types.HEAD_BYTES], name)
    if file_type.kind != "image":
        raise RenamedError("the content is not a picture")
    picture = jpeg_from_start(data)
    check_pixels(*SIZE_OF[file_type.content_type](picture), max_pixels)
    size, thumbnail, exif_time = _decode(picture, thumbnail_width, max_pixels)
    return ImageInfo(hashlib.sha256(data).hexdigest(), len(data), *size, thumbnail, exif_time)


def _decode(data: bytes, thumbnail_width: int, max_pixels: int) -> tuple[Size, bytes, datetime | None]:
    """Return (upright size, thumbnail as JPEG, capture time of the EXIF data)."""
    with open_image(data) as image:
        check_pixels(*image.size, max_pixels)
        orientation, exif_time = exif.read_orientation(image), exif.read_capture_time(image)
        upright_size = orientation.apply_to_size(image.size)
        size = thumbnail_size(*upright_size, thumbnail_width)
        stored_size = orientation.apply_to_size(size)
        image.draft("RGB", stored_size)
        image.load()
        small = orientation.apply_to_image(resize(to_eight_bits(image), stored_size))
        return upright_size, encode_thumbnail(small, size), exif_time


@contextmanager
def open_image(data: bytes) -> Iterator[Image.Image]:
    """Open a picture of one of the supported formats. Errors become a `MediaFaultError`."""
    try:
        with Image.open(io.BytesIO(jpeg_from_start(data)), formats=_FORMATS) as image:
            yield image
    except Image.DecompressionBombError as error:
        raise TooManyPixelsError(str(error)) from error
    except exif.PILLOW_ERRORS as error:
        error_type = TruncatedError if "truncated" in str(error) else BrokenError
        raise error_type(f"cannot be decoded: {_OBJECT.sub('', str(error))}") from error
