"""A picture of an upload, ready to be shown: the still itself, or one frame of a clip."""

from __future__ import annotations

import io

from django.conf import settings
from PIL import Image

from cameras import video
from cameras.models import Upload
from cameras.originals import MediaGoneError, open_original, open_thumbnail
from hsi.errors import MediaError

JPEG_QUALITY = 85
UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


def still(upload: Upload, *, offset_seconds: float | None = None, max_width: int | None = None) -> Image.Image:
    """RGB pixels of a still, or of a clip's frame at `offset_seconds`, at most `max_width` wide.

    Pixels are as stored (no EXIF rotation), as the detectors saw them: relative boxes fit.
    Raises `MediaGoneError` or `MediaError`.
    """
    if upload.kind == Upload.Kind.VIDEO:
        with open_original(upload) as file:
            pixels = video.frame_at(file, offset_seconds or 0.0, max_pixels=settings.IMAGE_MAX_PIXELS).pixels
        return fitted(Image.fromarray(pixels), max_width)
    with open_original(upload) as file:
        return decoded(file.read(), max_width)


def still_or_thumbnail(
    upload: Upload, *, offset_seconds: float | None = None, max_width: int | None = None
) -> Image.Image:
    """`still`, or the small picture of intake where a still's file is gone. A clip's frame has no such stand-in."""
    try:
        return still(upload, offset_seconds=offset_seconds, max_width=max_width)
    except MediaGoneError:
        if upload.kind == Upload.Kind.VIDEO or not upload.thumbnail:
            raise
    with open_thumbnail(upload) as file:
        return decoded(file.read(), max_width)


def decoded(encoded: bytes, max_width: int | None = None) -> Image.Image:
    """RGB pixels of a picture file. A JPEG that is to be shrunk is decoded at a fraction of its size."""
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            if max_width and image.width > max_width:
                image.draft("RGB", (max_width, round(image.height * max_width / image.width)))
            return fitted(image if image.mode == "RGB" else image.convert("RGB"), max_width)
    except UNREADABLE as error:
        raise MediaError(f"The picture cannot be decoded: {error}") from error


def fitted(image: Image.Image, max_width: int | None) -> Image.Image:
    image.load()  # a lazily opened picture must be read before its file is closed
    if max_width is None or image.width <= max_width:
        return image
    height = max(1, round(image.height * max_width / image.width))
    return image.resize((max_width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)


def jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
