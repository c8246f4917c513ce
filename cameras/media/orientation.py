"""How a picture must be turned to be seen as a person sees it: by its EXIF data, or by the display matrix of a clip."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_MATRIX = struct.Struct("=9i")


@dataclass(frozen=True, slots=True)
class Turn:
    """Swap the axes (mirror at the main diagonal), then mirror left to right, then top to bottom."""

    swaps: bool = False
    mirrors_x: bool = False
    mirrors_y: bool = False

    def __bool__(self) -> bool:
        return self.swaps or self.mirrors_x or self.mirrors_y

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(width, height) after the turn. The same rule leads back."""
        return (size[1], size[0]) if self.swaps else size

    def image(self, image: Image.Image) -> Image.Image:
        method = _PILLOW[self]
        return image if method is None else image.transpose(method)

    def pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Of shape (height, width, channels). The result may be a view."""
        if self.swaps:
            pixels = pixels.transpose(1, 0, 2)
        return pixels[:: -1 if self.mirrors_y else 1, :: -1 if self.mirrors_x else 1]


AS_STORED = Turn()
# By the number of the EXIF standard.
_EXIF: dict[int, Turn] = {
    1: AS_STORED,
    2: Turn(mirrors_x=True),
    3: Turn(mirrors_x=True, mirrors_y=True),
    4: Turn(mirrors_y=True),
    5: Turn(swaps=True),
    6: Turn(swaps=True, mirrors_x=True),
    7: Turn(swaps=True, mirrors_x=True, mirrors_y=True),
    8: Turn(swaps=True, mirrors_y=True),
}
_PILLOW = {
    _EXIF[1]: None,
    _EXIF[2]: Image.Transpose.FLIP_LEFT_RIGHT,
    _EXIF[3]: Image.Transpose.ROTATE_180,
    _EXIF[4]: Image.Transpose.FLIP_TOP_BOTTOM,
    _EXIF[5]: Image.Transpose.TRANSPOSE,
    _EXIF[6]: Image.Transpose.ROTATE_270,
    _EXIF[7]: Image.Transpose.TRANSVERSE,
    _EXIF[8]: Image.Transpose.ROTATE_90,
}


def of_exif(orientation: object) -> Turn:
    """By the orientation of EXIF data. A value that means nothing turns nothing."""
    return _EXIF.get(orientation, AS_STORED) if isinstance(orientation, int) else AS_STORED


def of_matrix(matrix: bytes) -> Turn:
    """By a display matrix of FFmpeg, (a b u c d v x y w): a point (p, q) is shown at (a p + c q, b p + d q).

    An angle that is no quarter turn counts as the nearest one.
    """
    if len(matrix) != _MATRIX.size:
        return AS_STORED
    a, b, _, c, d, *_ = _MATRIX.unpack(matrix)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Turn(mirrors_x=a < 0, mirrors_y=d < 0)
    return Turn(swaps=True, mirrors_x=c < 0, mirrors_y=b < 0)
