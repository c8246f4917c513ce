"""Read an accepted picture file again to show it: upright, with eight bits per channel.

Only the decoder process (`decoder_child`) calls this.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import BinaryIO, Literal

from PIL import Image

from cameras.files import content
from cameras.media import exif, formats, image_file
from cameras.media.still_headers import jpeg_from_start
from cameras.media.transforms import Box, Size, crop, has_high_depth, shrink_to_fit, to_eight_bits

Mode = Literal["L", "RGB"]
_QUALITY = 95
_COMMON_FORMATS = ("JPEG", "MPO", "PNG")  # every detector reads them


@dataclass(frozen=True, slots=True)
class RenderedPicture:
    """`image` is what was asked for. `size` is (width, height) of the whole picture."""

    size: Size
    image: Image.Image


@dataclass(frozen=True, slots=True)
class UprightFile:
    """A whole picture as an upright JPEG or PNG file. `size` is (width, height)."""

    size: Size
    encoded: bytes


def render_pixels(
    file: BinaryIO,
    *,
    sha256: str | None,
    max_pixels: int,
    mode: Mode = "RGB",
    least: Size | None = None,
    box: Box | None = None,
    most: Size | None = None,
) -> RenderedPicture:
    """Return the picture, or the part in `box`, in `mode`. Decode a JPEG at a fraction of its size if that is enough.

    The whole picture is not decoded below the size `least`, and the result is shrunk to fit `most`. Raise
    `content.ContentChangedError` or a `MediaFaultError`.
    """
    with image_file.open_image(content.read_verified(file, sha256)) as image:
        formats.check_pixels(*image.size, max_pixels)
        orientation = exif.read_orientation(image)
        size = orientation.apply_to_size(image.size)
        if draft_size := least or _min_size(size, box, most):
            image.draft(mode, orientation.apply_to_size(draft_size))
        image.load()
        shown = to_eight_bits(image)
        shown = orientation.apply_to_image(shown if shown.mode == mode else shown.convert(mode))
    return RenderedPicture(size, shrink_to_fit(crop(shown, box), most))


def render_upright(file: BinaryIO, *, sha256: str | None, max_pixels: int) -> UprightFile:
    """Return the whole picture for readers that ignore EXIF data. It is the camera's own file if that is enough."""
    data = content.read_verified(file, sha256)
    with image_file.open_image(data) as image:
        formats.check_pixels(*image.size, max_pixels)
        orientation = exif.read_orientation(image)
        if image.format in _COMMON_FORMATS and not orientation and not has_high_depth(image):
            return UprightFile(image.size, jpeg_from_start(data))
        image.load()
        shown = orientation.apply_to_image(to_eight_bits(image))
        buffer = io.BytesIO()
        (shown if shown.mode == "L" else shown.convert("RGB")).save(buffer, "JPEG", quality=_QUALITY)
        return UprightFile(shown.size, buffer.getvalue())


def _min_size(size: Size, box: Box | None, most: Size | None) -> Size | None:
    """Return the smallest size of the whole picture at which the part in `box` is as large as `most` allows."""
    if most is None:
        return None
    part = size if box is None else (size[0] * max(box[2] - box[0], 1e-3), size[1] * max(box[3] - box[1], 1e-3))
    factor = min(1.0, most[0] / part[0], most[1] / part[1])
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
