"""Draw in picture coordinates on a canvas with twice the resolution, so that edges are smooth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

WIDTH = 640
HEIGHT = 360
FINE = 2

Colour = tuple[int, int, int]
Points = list[tuple[float, float]]


def mixed(a: Colour, b: Colour, share: float) -> Colour:
    """Mix `a` with a `share` (0..1) of `b`."""
    r, g, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return (r, g, blue)


def darker(colour: Colour, share: float = 0.25) -> Colour:
    return mixed(colour, (0, 0, 0), share)


def lighter(colour: Colour, share: float = 0.25) -> Colour:
    return mixed(colour, (255, 255, 255), share)


class Canvas:
    """An opaque picture of `width` x `height`, or a transparent one if `clear` is set."""

    def __init__(self, width: int = WIDTH, height: int = HEIGHT, *, clear: bool = False) -> None:
        self.width, self.height = width, height
        size = (width * FINE, height * FINE)
        self.image = Image.new("RGBA", size, (0, 0, 0, 0)) if clear else Image.new("RGB", size)
        self._draw = ImageDraw.Draw(self.image)

    def box(self, left: float, top: float, right: float, bottom: float, fill: Colour, radius: float = 0) -> None:
        corners = (left * FINE, top * FINE, right * FINE - 1, bottom * FINE - 1)
        self._draw.rounded_rectangle(corners, radius * FINE, fill=fill)

    def shape(self, points: Points, fill: Colour) -> None:
        self._draw.polygon([(x * FINE, y * FINE) for x, y in points], fill=fill)

    def oval(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        self._draw.ellipse(((x - rx) * FINE, (y - ry) * FINE, (x + rx) * FINE, (y + ry) * FINE), fill=fill)

    def slice(
        self, x: float, y: float, rx: float, ry: float, start_degrees: float, end_degrees: float, fill: Colour
    ) -> None:
        corners = ((x - rx) * FINE, (y - ry) * FINE, (x + rx) * FINE, (y + ry) * FINE)
        self._draw.pieslice(corners, start_degrees, end_degrees, fill=fill)

    def limb(self, points: Points, width: float, fill: Colour) -> None:
        """Draw a line with round joints and ends."""
        fine = [(x * FINE, y * FINE) for x, y in points]
        self._draw.line(fine, fill=fill, width=max(1, round(width * FINE)))
        radius = width * FINE / 2
        for x, y in fine:
            self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)

    def shade(self, top: float, bottom: float, upper: Colour, lower: Colour) -> None:
        """Draw a vertical gradient over the whole width."""
        rows = round((bottom - top) * FINE)
        share = np.linspace(0, 1, rows)[:, None]
        column = np.array(upper) * (1 - share) + np.array(lower) * share
        strip = np.repeat(column[:, None, :], self.width * FINE, axis=1).astype(np.uint8)
        self.image.paste(Image.fromarray(strip), (0, round(top * FINE)))

    def texture(self, points: Points, colour: Colour, strength: float, grain: int, seed: int) -> None:
        """Fill a polygon with `colour`, made uneven with `strength` (0..1) and `grain` (pixels)."""
        mask = Image.new("L", self.image.size)
        ImageDraw.Draw(mask).polygon([(x * FINE, y * FINE) for x, y in points], fill=255)
        field = 1 + strength * unevenness(self.image.size, grain, seed)[:, :, None]
        surface = np.clip(np.array(colour) * field, 0, 255).astype(np.uint8)
        self.image.paste(Image.fromarray(surface), (0, 0), mask)

    def reduced(self) -> Image.Image:
        """Return the picture at its final size."""
        return self.image.reduce(FINE)


def unevenness(size: tuple[int, int], grain: int, seed: int) -> NDArray[np.float64]:
    """Return noise around 0 (mostly -1..1) of shape (height, width): large clouds and a fine grain."""
    source = np.random.default_rng(seed)
    total = np.zeros((size[1], size[0]))
    for cell, weight in ((grain * 24, 0.5), (grain * 6, 0.35), (grain, 0.35)):
        coarse = source.normal(0, 1, (size[1] // cell + 2, size[0] // cell + 2)).astype(np.float32)
        total += weight * np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))
    return total
