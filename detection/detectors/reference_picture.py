"""A picture that every detector takes: whoever refuses it refuses them all."""

from __future__ import annotations

from functools import cache

import numpy as np

from cameras.media.picture import Picture

SIDE_PIXELS = 320


@cache
def picture() -> Picture:
    """A grey square, darker to the left."""
    row = np.linspace(64, 192, SIDE_PIXELS, dtype=np.uint8)
    return Picture(pixels=np.repeat(np.tile(row, (SIDE_PIXELS, 1))[:, :, None], 3, axis=2))
