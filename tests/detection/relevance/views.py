"""Pictures of a camera over time: drawn scenes with noise, and what can happen to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cameras.simulation.scene import Scene

Pixels = NDArray[np.uint8]
Effect = Callable[[Pixels, int], Pixels]
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def picture(number: int, place: str = "garden", *, night: bool = False) -> Pixels:
    """Picture `number` of a place: RGB, 320x180. No two have the same noise."""
    return noisy(_drawn(place, night), number)


@cache
def _drawn(place: str, night: bool) -> Pixels:
    return np.asarray(Scene(place, place, night).draw((), START).resize((320, 180), Image.Resampling.BOX))


def noisy(pixels: Pixels, number: int, deviation: float = 2.0) -> Pixels:
    shift = (number * 131) % 997
    noise = _noise(deviation)[shift : shift + pixels.shape[0], : pixels.shape[1]]
    return cv2.add(pixels.astype(np.int16), noise, dtype=cv2.CV_8U).astype(np.uint8)


@cache
def _noise(deviation: float) -> NDArray[np.int16]:
    return np.random.default_rng(1).normal(0, deviation, (997 + 180, 320, 3)).round().astype(np.int16)


def capped(pixels: Pixels, number: int) -> Pixels:
    return noisy(np.full_like(pixels, 4), number)


def covered(pixels: Pixels, number: int) -> Pixels:
    """A hand before the lens: skin, brighter on one side."""
    shade = np.linspace(90, 150, pixels.shape[1])[None, :, None] * np.array([1.0, 0.8, 0.7])
    return noisy(np.broadcast_to(shade, pixels.shape).astype(np.uint8), number)


def blurred(pixels: Pixels, number: int) -> Pixels:
    return noisy(cv2.GaussianBlur(pixels, (0, 0), 3.5).astype(np.uint8), number, 0.5)


def frozen(pixels: Pixels, number: int) -> Pixels:
    """The same pixels, except for the clock."""
    same = picture(1)
    same[:15, :100] = pixels[:15, :100]
    return same


def turned(pixels: Pixels, number: int) -> Pixels:
    return picture(number, "driveway")


def unchanged(pixels: Pixels, number: int) -> Pixels:
    return pixels


def at_night(pixels: Pixels, number: int) -> Pixels:
    return picture(number, night=True)


def without_light(pixels: Pixels, number: int) -> Pixels:
    """Night without infrared light: a tenth of the light, grey, with the noise of a sensor at its limit."""
    dark = (pixels.mean(axis=2, keepdims=True) * 0.1).repeat(3, axis=2)
    return noisy(dark.astype(np.uint8), number, 5)


def hazy(pixels: Pixels, number: int) -> Pixels:
    return (pixels * 0.3 + 150).astype(np.uint8)


def dim(pixels: Pixels, number: int) -> Pixels:
    """Lamps off: less light, and none in one half."""
    light = np.where(np.arange(pixels.shape[1]) < pixels.shape[1] // 2, 0.5, 0.25)[None, :, None]
    return noisy((pixels * light).astype(np.uint8), number)


def with_van(pixels: Pixels, number: int) -> Pixels:
    """A white van that stands before the camera fills nearly half of the picture."""
    shown = pixels.copy()
    shown[30:165, 90:280] = (225, 225, 220)
    shown[50:90, 110:170] = (40, 45, 50)
    return noisy(shown, number)
