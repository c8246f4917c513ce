"""A picture file that was taken in, read again to be looked at: upright, with eight bits a channel.

Only the process of `cameras.media.decoder_child` calls this.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import BinaryIO, Literal

from PIL import Image

from cameras.files import content
from cameras.media import exif, formats, image_file
from cameras.media.shrink import eight_bits, is_deep
from cameras.media.still_headers import jpeg_from_start

Mode = Literal["L", "RGB"]
Size = tuple[int, int]
Box = tuple[float, float, float, float]  # left, top, right, bottom in 0..1
_QUALITY = 95
_EVERYWHERE = ("JPEG", "MPO", "PNG")  # every detector reads them


@dataclass(frozen=True, slots=True)
class Rendered:
    """`image` shows what was asked for; `size` is (width, height) of the whole picture."""

    size: Size
    image: Image.Image


@dataclass(frozen=True, slots=True)
class Upright:
    """A whole picture as a JPEG or PNG file that nothing needs to turn; `size` is (width, height)."""

    size: Size
    encoded: bytes


def pixels(
    file: BinaryIO,
    *,
    sha256: str | None,
    max_pixels: int,
    mode: Mode = "RGB",
    least: Size | None = None,
    box: Box | None = None,
    most: Size | None = None,
) -> Rendered:
    """The picture, or the part in `box`, in `mode`. A JPEG is decoded at a fraction of its size where that will do.

    `least`: (width, height) that the whole picture is not decoded below. `most`: what the result is shrunk to fit.
    Raises `content.OtherContentError` and `media.MediaFaultError`s.
    """
    with image_file.opened(content.whole(file, sha256)) as opened:
        formats.check_pixels(*opened.size, max_pixels)
        turn = exif.turn_of(opened)
        size = turn.size(opened.size)
        if enough := least or _enough(size, box, most):
            opened.draft(mode, turn.size(enough))
        opened.load()
        image = eight_bits(opened)
        image = turn.image(image if image.mode == mode else image.convert(mode))
    return Rendered(size, shrunk(cut(image, box), most))


def upright(file: BinaryIO, *, sha256: str | None, max_pixels: int) -> Upright:
    """The whole picture for those who do not look at EXIF data. It is the camera's own file where all can read that."""
    data = content.whole(file, sha256)
    with image_file.opened(data) as opened:
        formats.check_pixels(*opened.size, max_pixels)
        turn = exif.turn_of(opened)
        if opened.format in _EVERYWHERE and not turn and not is_deep(opened):
            return Upright(opened.size, jpeg_from_start(data))
        opened.load()
        image = turn.image(eight_bits(opened))
        buffer = io.BytesIO()
        (image if image.mode == "L" else image.convert("RGB")).save(buffer, "JPEG", quality=_QUALITY)
        return Upright(image.size, buffer.getvalue())


def cut(image: Image.Image, box: Box | None) -> Image.Image:
    """What lies in `box`, at least one pixel."""
    if box is None:
        return image
    left, top = (min(max(0, round(edge * side)), side - 1) for edge, side in zip(box[:2], image.size, strict=True))
    right, bottom = (min(side, round(edge * side)) for edge, side in zip(box[2:], image.size, strict=True))
    return image.crop((left, top, max(right, left + 1), max(bottom, top + 1)))


def shrunk(image: Image.Image, most: Size | None) -> Image.Image:
    """The picture, in proportion, no larger than `most`."""
    if most is None:
        return image
    factor = min(1.0, most[0] / image.width, most[1] / image.height)
    if factor == 1.0:
        return image
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def _enough(size: Size, box: Box | None, most: Size | None) -> Size | None:
    """What the whole picture must at least have, so that the part in `box` is no smaller than `most` allows."""
    if most is None:
        return None
    part = size if box is None else (size[0] * max(box[2] - box[0], 1e-3), size[1] * max(box[3] - box[1], 1e-3))
    factor = min(1.0, most[0] / part[0], most[1] / part[1])
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
