"""A picture that every working detector accepts. A detector that rejects it rejects every picture."""

from __future__ import annotations

from functools import cache

import numpy as np

from cameras.media.picture import Picture

SIDE_PIXELS = 320


@cache
def picture() -> Picture:
    """Return a grey square that is darker on the left."""
    row = np.linspace(64, 192, SIDE_PIXELS, dtype=np.uint8)
    return Picture(pixels=np.repeat(np.tile(row, (SIDE_PIXELS, 1))[:, :, None], 3, axis=2))
