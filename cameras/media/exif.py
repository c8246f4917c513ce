"""What the EXIF data of an opened picture say. Damaged data do not spoil a picture: they say nothing."""

from __future__ import annotations

import struct
import zlib
from datetime import datetime

from PIL import Image

from cameras.media import orientation

# What Pillow raises on hostile bytes.
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


def turn_of(image: Image.Image) -> orientation.Turn:
    """How the picture must be turned to be upright."""
    if image.format == "PNG":
        image.load()  # the chunk may come after the pixels
    if "exif" not in image.info:
        return orientation.AS_STORED
    try:
        return orientation.of_exif(image.getexif().get(_ORIENTATION))
    except PILLOW_ERRORS:
        return orientation.AS_STORED


def taken_at(image: Image.Image) -> datetime | None:
    """`DateTimeOriginal`, naive, on the camera's clock, where it is a date of this century."""
    if "exif" not in image.info:
        return None
    try:
        text = image.getexif().get_ifd(_SUB_DIRECTORY).get(_TIME_ORIGINAL)
        taken = datetime.strptime(str(text).strip("\0 "), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - naive
    except PILLOW_ERRORS:
        return None
    return taken if 2000 <= taken.year < 2100 else None
