"""Pictures made smaller, and with eight bits a channel, whatever they were stored with."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

_QUALITY = 80
_FULL_DEPTH, _SHOWN_DEPTH = 16, 8


def thumbnail_size(width: int, height: int, thumbnail_width: int) -> tuple[int, int]:
    """The size of a thumbnail: never larger than the picture, never without area."""
    small = min(width, thumbnail_width)
    return small, min(height, max(1, round(height * small / width)))


def small(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A loaded picture of eight bits as RGB or grey, resized to `size`."""
    if image.mode not in ("RGB", "L"):
        image = image.convert("RGB")
    return image if image.size == size else image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def encode_thumbnail(image: Image.Image, size: tuple[int, int]) -> bytes:
    """A loaded picture of eight bits, resized to `size`, as a JPEG."""
    buffer = io.BytesIO()
    small(image, size).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def is_deep(image: Image.Image) -> bool:
    """Whether it is grey with more than eight bits. Pillow would clip it to white when it converts it."""
    return image.mode.startswith(("I", "F"))


def eight_bits(image: Image.Image) -> Image.Image:
    """The picture with eight bits a channel.

    Sensors of 10, 12 or 14 bits write their values as they are into 16: by the largest value, the depth is
    rounded up to an even number of bits, and the lowest bits beyond eight are dropped.
    """
    if not is_deep(image):
        return image
    values = np.clip(np.asarray(image), 0, (1 << _FULL_DEPTH) - 1).astype(np.uint16)
    used = int(values.max(initial=0)).bit_length()
    depth = max(_SHOWN_DEPTH, used + used % 2)
    return Image.fromarray((values >> (depth - _SHOWN_DEPTH)).astype(np.uint8))
