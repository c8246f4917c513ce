"""Read the EXIF data of an opened picture. Damaged EXIF data are ignored."""

from __future__ import annotations

import struct
import zlib
from datetime import datetime

from PIL import Image

from cameras.media.transforms import AS_STORED, Orientation, orientation_from_exif

# What Pillow raises for hostile bytes.
PILLOW_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    struct.error,
    zlib.error,
)
_ORIENTATION = 0x0112
_SUB_DIRECTORY, _TIME_ORIGINAL = 0x8769, 0x9003


def read_orientation(image: Image.Image) -> Orientation:
    """Return how to turn the picture upright."""
    if image.format == "PNG":
        image.load()  # the EXIF chunk may come after the pixels
    if "exif" not in image.info:
        return AS_STORED
    try:
        return orientation_from_exif(image.getexif().get(_ORIENTATION))
    except PILLOW_ERRORS:
        return AS_STORED


def read_capture_time(image: Image.Image) -> datetime | None:
    """Return `DateTimeOriginal` (naive, on the camera's clock) if it is a date of this century."""
    if "exif" not in image.info:
        return None
    try:
        text = image.getexif().get_ifd(_SUB_DIRECTORY).get(_TIME_ORIGINAL)
        captured_at = datetime.strptime(str(text).strip("\0 "), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - naive
    except PILLOW_ERRORS:
        return None
    return captured_at if 2000 <= captured_at.year < 2100 else None
