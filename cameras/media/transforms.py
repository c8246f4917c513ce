"""Transform decoded pictures: orient, convert to eight bits, resize, crop and encode. Pure functions on images."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Size = tuple[int, int]  # width, height
Box = tuple[float, float, float, float]  # left, top, right, bottom in 0..1

_MATRIX = struct.Struct("=9i")
_THUMBNAIL_QUALITY = 80
_STORED_BITS, _SHOWN_BITS = 16, 8


@dataclass(frozen=True, slots=True)
class Orientation:
    """How to turn a stored picture upright: swap the axes, then mirror horizontally, then mirror vertically."""

    swaps: bool = False
    mirrors_x: bool = False
    mirrors_y: bool = False

    def __bool__(self) -> bool:
        return self.swaps or self.mirrors_x or self.mirrors_y

    def apply_to_size(self, size: Size) -> Size:
        """Return the size of the upright picture, or of the stored one for an upright size."""
        return (size[1], size[0]) if self.swaps else size

    def apply_to_image(self, image: Image.Image) -> Image.Image:
        method = _PILLOW_METHODS[self]
        return image if method is None else image.transpose(method)

    def apply_to_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn pixels of shape (height, width, channels). The result may be a view."""
        if self.swaps:
            pixels = pixels.transpose(1, 0, 2)
        return pixels[:: -1 if self.mirrors_y else 1, :: -1 if self.mirrors_x else 1]


AS_STORED = Orientation()
# By the numbers of the EXIF standard.
_EXIF: dict[int, Orientation] = {
    1: AS_STORED,
    2: Orientation(mirrors_x=True),
    3: Orientation(mirrors_x=True, mirrors_y=True),
    4: Orientation(mirrors_y=True),
    5: Orientation(swaps=True),
    6: Orientation(swaps=True, mirrors_x=True),
    7: Orientation(swaps=True, mirrors_x=True, mirrors_y=True),
    8: Orientation(swaps=True, mirrors_y=True),
}
_PILLOW_METHODS = {
    _EXIF[1]: None,
    _EXIF[2]: Image.Transpose.FLIP_LEFT_RIGHT,
    _EXIF[3]: Image.Transpose.ROTATE_180,
    _EXIF[4]: Image.Transpose.FLIP_TOP_BOTTOM,
    _EXIF[5]: Image.Transpose.TRANSPOSE,
    _EXIF[6]: Image.Transpose.ROTATE_270,
    _EXIF[7]: Image.Transpose.TRANSVERSE,
    _EXIF[8]: Image.Transpose.ROTATE_90,
}


def orientation_from_exif(value: object) -> Orientation:
    """Return the orientation for an EXIF value. An invalid value means upright."""
    return _EXIF.get(value, AS_STORED) if isinstance(value, int) else AS_STORED


def orientation_from_matrix(matrix: bytes) -> Orientation:
    """Return the orientation for a display matrix of FFmpeg.

    The matrix is (a b u c d v x y w), and a point (p, q) is shown at (a p + c q, b p + d q). An angle between quarter
    turns is rounded.
    """
    if len(matrix) != _MATRIX.size:
        return AS_STORED
    a, b, _, c, d, *_ = _MATRIX.unpack(matrix)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(mirrors_x=a < 0, mirrors_y=d < 0)
    return Orientation(swaps=True, mirrors_x=c < 0, mirrors_y=b < 0)


def thumbnail_size(width: int, height: int, thumbnail_width: int) -> Size:
    """Return the size of a thumbnail: not larger than the picture, and at least one pixel."""
    width_shown = min(width, thumbnail_width)
    return width_shown, min(height, max(1, round(height * width_shown / width)))


def resize(image: Image.Image, size: Size) -> Image.Image:
    """Return a picture of eight bits as RGB or grey, resized to `size`."""
    if image.mode not in ("RGB", "L"):
        image = image.convert("RGB")
    return image if image.size == size else image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def encode_thumbnail(image: Image.Image, size: Size) -> bytes:
    """Return a picture of eight bits, resized to `size`, as a JPEG."""
    buffer = io.BytesIO()
    resize(image, size).save(buffer, "JPEG", quality=_THUMBNAIL_QUALITY)
    return buffer.getvalue()


def has_high_depth(image: Image.Image) -> bool:
    """Return whether a grey picture has more than eight bits. Pillow would clip it to white in a conversion."""
    return image.mode.startswith(("I", "F"))


def to_eight_bits(image: Image.Image) -> Image.Image:
    """Return the picture with eight bits per channel.

    Sensors with 10, 12 or 14 bits store their values unscaled in 16 bits. The depth is derived from the largest value,
    rounded up to an even number of bits, and the lowest bits are dropped.
    """
    if not has_high_depth(image):
        return image
    values = np.clip(np.asarray(image), 0, (1 << _STORED_BITS) - 1).astype(np.uint16)
    used_bits = int(values.max(initial=0)).bit_length()
    depth = max(_SHOWN_BITS, used_bits + used_bits % 2)
    return Image.fromarray((values >> (depth - _SHOWN_BITS)).astype(np.uint8))


def crop(image: Image.Image, box: Box | None) -> Image.Image:
    """Return the part in `box`, at least one pixel."""
    if box is None:
        return image
    left, top = (min(max(0, round(edge * side)), side - 1) for edge, side in zip(box[:2], image.size, strict=True))
    right, bottom = (min(side, round(edge * side)) for edge, side in zip(box[2:], image.size, strict=True))
    return image.crop((left, top, max(right, left + 1), max(bottom, top + 1)))


def shrink_to_fit(image: Image.Image, most: Size | None) -> Image.Image:
    """Shrink the picture in proportion to fit `most`."""
    if most is None:
        return image
    factor = min(1.0, most[0] / image.width, most[1] / image.height)
    if factor == 1.0:
        return image
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
