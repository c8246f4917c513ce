"""A picture of an upload, ready to be shown: the still itself, or one frame of a clip, upright."""

from __future__ import annotations

import io
from typing import BinaryIO

from django.conf import settings
from PIL import Image

from cameras.files.originals import MediaGoneError, OverwrittenError, open_thumbnail, read_original
from cameras.media import decoder, frames
from cameras.media.render import Box, Size
from cameras.models import Upload
from hsi.errors import BusyError

JPEG_QUALITY = 85
# How much taller than wide a picture is shown at most: beyond that it is made narrower.
TALLEST = 4
RETRY_SECONDS = 10


def still(
    upload: Upload, *, max_width: int, offset_seconds: float | None = None, box: Box | None = None
) -> Image.Image:
    """RGB pixels of a still, or of a clip's frame at `offset_seconds`; of the part in `box`; at most `max_width` wide.

    They are upright, as the detectors saw them: relative boxes fit. Raises `MediaGoneError`, `MediaError` or
    `BusyError`.
    """
    most = (max_width, TALLEST * max_width)
    try:
        if upload.kind == Upload.Kind.VIDEO:
            return frames.frame(upload, offset_seconds or 0.0, box=box, most=most)
        return read_original(upload, lambda file: _shown(file, upload.sha256, box, most))
    except OSError as error:
        raise BusyError("The picture cannot be read now.", retry_after_seconds=RETRY_SECONDS) from error


def still_or_thumbnail(
    upload: Upload, *, max_width: int, offset_seconds: float | None = None, box: Box | None = None
) -> Image.Image:
    """`still`, or the small picture of intake where a still's file is gone.

    A clip's frame has no such stand-in. Nor has a file that only looks like the one that was taken in: that somebody
    made it so is not to be hidden.
    """
    try:
        return still(upload, max_width=max_width, offset_seconds=offset_seconds, box=box)
    except MediaGoneError as error:
        if upload.kind == Upload.Kind.VIDEO or not upload.thumbnail or isinstance(error, OverwrittenError):
            raise
    with open_thumbnail(upload) as file:
        return _shown(file, None, box, (max_width, TALLEST * max_width))


def _shown(file: BinaryIO, sha256: str | None, box: Box | None, most: Size) -> Image.Image:
    return decoder.pixels(file, sha256=sha256, max_pixels=settings.IMAGE_MAX_PIXELS, box=box, most=most).image


def jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
