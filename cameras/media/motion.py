"""Measure where something moves in a clip, from a few small grey frames a minute.

A background model per pixel with the deviation of its noise, in NumPy. It takes 1 ms for a frame of 320 x 176. MOG2 of
OpenCV takes 2.4 ms at 640 x 360, and 300 MB of address space in the decoder process.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
_Floats = NDArray[np.float32]
_Cells = NDArray[np.bool_]

# The frames are compared at this size, in cells of this many pixels a side.
_MAX_WIDTH, _MAX_HEIGHT, CELL_PIXELS = 320, 180, 8
# A pixel has changed if it differs from the background by this many grey levels, and this many mean deviations.
_LEVELS, _DEVIATIONS = 16.0, 5.0
_FIRST_DEVIATION, _LEARNING_RATE = 2.0, 0.05
_DRIFT_LEVELS = 1.0  # slow changes of the light become part of the background at once
# What stays unchanged for this long becomes part of the background.
_ABSORB_SECONDS = 20.0
_SHARE_OF_CELL = 0.15
# Light that is switched, the infrared filter and a camera that turns change more of the picture than this.
_WHOLE_PICTURE = 0.5
_WHOLE_PICTURE_AMOUNT = 1.0  # cells: as little as the smallest motion
# Cells that change in this share of the frames or more (a clock in the picture, a tree) do not count, nor do those
# around them.
_OFTEN = 0.25


def comparison_size(width: int, height: int) -> tuple[int, int]:
    """Return the (width, height) at which frames of this size are compared: not larger, and of whole cells."""
    factor = min(1.0, _MAX_WIDTH / width, _MAX_HEIGHT / height)
    across, down = (max(3, round(side * factor / CELL_PIXELS)) for side in (width, height))
    return across * CELL_PIXELS, down * CELL_PIXELS


class MotionMeter:
    """The motion of a clip, of frames that are added in order. It keeps one bit per cell and frame."""

    def __init__(self) -> None:
        self._offsets: list[float] = []
        self._changed: list[NDArray[np.uint8]] = []
        self._whole: list[bool] = []
        self._cells = (0, 0)

    def add(self, offset_seconds: float, grey: Grey) -> None:
        """Compare a frame of `comparison_size` with the frames before it."""
        if not self._offsets:
            self._cells = (grey.shape[0] // CELL_PIXELS, grey.shape[1] // CELL_PIXELS)
            self._restart(offset_seconds, grey.astype(np.float32))
        cells = self._compare(offset_seconds, grey.astype(np.float32))
        whole = bool(cells.mean() > _WHOLE_PICTURE)
        if whole:
            self._restart(offset_seconds, grey.astype(np.float32))
        self._offsets.append(offset_seconds)
        self._whole.append(whole)
        self._changed.append(np.packbits(np.zeros_like(cells) if whole else _with_a_neighbour(cells)))

    def amounts(self) -> list[tuple[float, float]]:
        """Return each frame's offset, and how many cells changed, without those that change often."""
        if not self._offsets:
            return []
        count = math.prod(self._cells)
        times = np.zeros(count, np.float32)
        for changed in self._changed:
            times += np.unpackbits(changed, count=count)
        often = _largest_around(times.reshape(self._cells)).ravel() / len(self._changed)
        weights = np.maximum(0.0, 1.0 - often / _OFTEN)
        return [
            (offset, _WHOLE_PICTURE_AMOUNT if whole else float(np.unpackbits(changed, count=count) @ weights))
            for offset, whole, changed in zip(self._offsets, self._whole, self._changed, strict=True)
        ]

    def _restart(self, offset_seconds: float, grey: _Floats) -> None:
        self._background = grey
        self._deviation = np.full_like(grey, _FIRST_DEVIATION)
        self._candidate = grey.copy()
        self._since = np.full_like(grey, offset_seconds)

    def _compare(self, offset_seconds: float, grey: _Floats) -> _Cells:
        """Return the cells that differ from the background, and update it."""
        difference = grey - self._background
        distance = np.abs(difference)
        least = np.maximum(_LEVELS, _DEVIATIONS * self._deviation)
        changed = distance > least
        self._background += np.where(changed, 0.0, np.clip(difference, -_DRIFT_LEVELS, _DRIFT_LEVELS))
        self._deviation += np.where(changed, 0.0, (distance - self._deviation) * _LEARNING_RATE)
        # What differs from the background becomes a candidate for it, as long as it stays the same.
        other = np.abs(grey - self._candidate) > least
        self._candidate = np.where(other, grey, self._candidate)
        self._since = np.where(other, offset_seconds, self._since)
        absorbed = changed & (offset_seconds - self._since >= _ABSORB_SECONDS)
        self._background = np.where(absorbed, self._candidate, self._background)
        down, across = self._cells
        shares: NDArray[np.float64] = changed.reshape(down, CELL_PIXELS, across, CELL_PIXELS).mean((1, 3))
        return shares >= _SHARE_OF_CELL


def _with_a_neighbour(cells: _Cells) -> _Cells:
    """Return the cells that have a changed neighbour: single ones are noise, rain, or the digit of a clock."""
    around = np.pad(cells, 1)
    return cells & (around[:-2, 1:-1] | around[2:, 1:-1] | around[1:-1, :-2] | around[1:-1, 2:])


def _largest_around(cells: _Floats) -> _Floats:
    """Return for each cell the largest of its own and its neighbours' values."""
    around = np.pad(cells, 1)
    rows = np.maximum(np.maximum(around[:-2], around[1:-1]), around[2:])
    return np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
