"""From a picture to the input of a model: scaled, padded, and stretched in contrast where it is dark."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cameras.media.picture import Picture

Pixels = NDArray[np.uint8]
Size = tuple[int, int]

PADDING = 114  # the grey that YOLO and its relatives were trained with
# A reduced decode may fall this far short of an input that pictures are stretched to: 1920x1080 becomes 960x540 for an
# input of 640, at less than half the cost, and the model sees 540 lines stretched by a fifth.
LEAST_SHARE_OF_STRETCHED_INPUT = 0.75
# A picture is dark and flat when this share of its values, without the outermost, spans less than FLAT_RANGE of 255.
DARKEST_PERCENT, BRIGHTEST_PERCENT, FLAT_RANGE = 1.0, 99.0, 110
# Blur against the noise that stretching would amplify, in pixels of the model's input. (1.2 pixels of a picture of
# 768x576 for an input of 416: it finds 92 % of people in simulated night where the bare picture gives 80 %.)
NOISE_SIGMA = 0.65


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a family of models takes pixels: (value * `scale` - `mean`) / `deviation`, in the order of its channels."""

    letterbox: bool = True
    bgr: bool = False
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    deviation: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def values(self, pixels: Pixels) -> NDArray[np.float32]:
        """Shape (height, width, 3)."""
        values = (pixels[..., ::-1] if self.bgr else pixels).astype(np.float32)
        if self.scale != 1.0:
            values *= np.float32(self.scale)
        if any(self.mean) or self.deviation != (1.0, 1.0, 1.0):
            values -= np.array(self.mean, np.float32)
            values /= np.array(self.deviation, np.float32)
        return values


@dataclass(frozen=True, slots=True)
class Canvas:
    """RGB `pixels` of a model's input. The picture covers this `share` of its width and height, from the top left."""

    pixels: Pixels
    share: tuple[float, float]


def canvas(picture: Picture, size: Size, *, letterbox: bool) -> Canvas:
    """Fit the picture into an input of `size` (width, height), with padding or stretched."""
    fitted = fitted_size(picture.size, size) if letterbox else size
    if letterbox:
        least = fitted
    else:
        least = int(size[0] * LEAST_SHARE_OF_STRETCHED_INPUT), int(size[1] * LEAST_SHARE_OF_STRETCHED_INPUT)
    pixels = resized(np.asarray(picture.reduced(least, "RGB"), dtype=np.uint8), fitted)
    if fitted != size:
        missing = ((0, size[1] - fitted[1]), (0, size[0] - fitted[0]), (0, 0))
        pixels = np.pad(pixels, missing, constant_values=PADDING)
    return Canvas(pixels, (fitted[0] / size[0], fitted[1] / size[1]))


def fitted_size(picture: Size, size: Size) -> Size:
    """Return the largest size with the aspect ratio of the picture that fits into `size`."""
    factor = min(size[0] / picture[0], size[1] / picture[1])
    return max(1, round(picture[0] * factor)), max(1, round(picture[1] * factor))


def resized(pixels: Pixels, size: Size) -> Pixels:
    """Resize the pixels to `size`. Stretch the contrast of a dark, flat picture."""
    shrinks = size[0] * size[1] < pixels.shape[1] * pixels.shape[0]
    flat = is_flat(pixels)
    if flat:
        factor = max(1.0, pixels.shape[1] / size[0], pixels.shape[0] / size[1])
        pixels = cv2.GaussianBlur(pixels, (0, 0), NOISE_SIGMA * factor)  # type: ignore[assignment]
    if (pixels.shape[1], pixels.shape[0]) != size:
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)  # type: ignore[assignment]
    return stretched(pixels) if flat else pixels


def is_flat(pixels: Pixels) -> bool:
    darkest, brightest = value_range(pixels)
    return brightest - darkest < FLAT_RANGE


def stretched(pixels: Pixels) -> Pixels:
    """Spread the values between the darkest and the brightest percent over 0..255."""
    darkest, brightest = value_range(pixels)
    if brightest <= darkest:
        return pixels
    table = (np.arange(256, dtype=np.float64) - darkest) * (255.0 / (brightest - darkest))
    return cv2.LUT(pixels, np.clip(table, 0, 255).astype(np.uint8))  # type: ignore[return-value]


def value_range(pixels: Pixels) -> tuple[int, int]:
    """Return the 1st and the 99th percentile of the brightness."""
    counts = np.bincount(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).ravel(), minlength=256).cumsum()
    percentiles = np.array([DARKEST_PERCENT, BRIGHTEST_PERCENT]) / 100 * counts[-1]
    darkest, brightest = np.searchsorted(counts, percentiles)
    return int(darkest), int(brightest)
