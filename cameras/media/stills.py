"""Pictures of an upload for people: the still itself or one frame of a clip, upright."""

from __future__ import annotations

import io
from typing import BinaryIO

from django.conf import settings
from PIL import Image

from cameras.files.originals import MediaGoneError, MediaOverwrittenError, read_original
from cameras.files.thumbnails import open_thumbnail
from cameras.media import decoder, frame_cache
from cameras.media.transforms import Box, Size
from cameras.models import Upload
from hsi.errors import BusyError

JPEG_QUALITY = 85
MAX_ASPECT = 4  # a picture is shown at most this many times as high as wide
RETRY_SECONDS = 10


def load_still(
    upload: Upload, *, max_width: int, offset_seconds: float | None = None, box: Box | None = None
) -> Image.Image:
    """Return a still, or a clip's frame at `offset_seconds`, or the part in `box`, at most `max_width` wide.

    It is RGB and upright, as the detectors saw it, so relative boxes fit. Raise `MediaGoneError`, `MediaError` or
    `BusyError`.
    """
    most = (max_width, MAX_ASPECT * max_width)
    try:
        if upload.kind == Upload.Kind.VIDEO:
            return frame_cache.get_frame(upload, offset_seconds or 0.0, box=box, most=most)
        return read_original(upload, lambda file: _render(file, upload.sha256, box, most))
    except OSError as error:
        raise BusyError("The picture cannot be read now.", retry_after_seconds=RETRY_SECONDS) from error


def load_still_or_thumbnail(
    upload: Upload, *, max_width: int, offset_seconds: float | None = None, box: Box | None = None
) -> Image.Image:
    """Return `load_still`, or the thumbnail if the file of a still is gone.

    There is no substitute for a clip's frame, nor for a file that was replaced by another one: that must not be hidden.
    """
    try:
        return load_still(upload, max_width=max_width, offset_seconds=offset_seconds, box=box)
    except MediaGoneError as error:
        if upload.kind == Upload.Kind.VIDEO or not upload.thumbnail or isinstance(error, MediaOverwrittenError):
            raise
    with open_thumbnail(upload) as file:
        return _render(file, None, box, (max_width, MAX_ASPECT * max_width))


def _render(file: BinaryIO, sha256: str | None, box: Box | None, most: Size) -> Image.Image:
    return decoder.render_pixels(file, sha256=sha256, max_pixels=settings.IMAGE_MAX_PIXELS, box=box, most=most).image


def encode_jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
