"""Pictures whose objects are known, by day and in simulated night."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detection.detectors import Box

GROUPS: dict[str, frozenset[str]] = {
    "person": frozenset({"person"}),
    "vehicle": frozenset({"car", "truck", "bus", "van", "motorcycle", "bicycle", "train", "boat"}),
    "animal": frozenset({"bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"}),
}
# An object is as large as its height, compared with that of its picture.
SIZES = (("small", 1 / 8), ("medium", 1 / 4), ("large", float("inf")))
# Simulated night: a quarter of the light, no colour, and the noise of a sensor (its standard deviation, of 255).
NIGHT_LIGHT, NIGHT_NOISE = 0.25, 8.0
LIGHTS = ("day", "night")


class PicturesError(Exception):
    """The folder of labelled pictures cannot be used."""


@dataclass(frozen=True, slots=True)
class Area:
    """A box in pixels of its picture."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def size(self) -> float:
        return max(0.0, self.right - self.left) * max(0.0, self.bottom - self.top)

    def shared(self, other: Area) -> float:
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, width) * max(0.0, height)

    def finds(self, other: Area) -> bool:
        """Whether one of the two is found by the other: they overlap, or one lies in the other for the most part."""
        shared = self.shared(other)
        if not shared:
            return False
        return shared / (self.size + other.size - shared) >= 0.3 or shared / min(self.size, other.size) >= 0.6


@dataclass(frozen=True, slots=True)
class KnownObject:
    """One object that a person has marked."""

    group: str
    area: Area
    size: str


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    name: str
    pixels: NDArray[np.uint8]
    objects: tuple[KnownObject, ...]

    @property
    def scene(self) -> str:
        """Return the scene, such as `square` of `square-0126.jpg`."""
        return Path(self.name).stem.rpartition("-")[0]

    @property
    def frame(self) -> int:
        """Return the number of the frame in the video of the scene, or -1 if the name has none."""
        number = Path(self.name).stem.rpartition("-")[2]
        return int(number) if number.isdecimal() else -1

    def in_light(self, light: str) -> NDArray[np.uint8]:
        """RGB pixels by day (as they are) or at night. The noise of a picture is always the same."""
        if light == "day":
            return self.pixels
        grey = np.asarray(Image.fromarray(self.pixels).convert("L"), dtype=np.float64) * NIGHT_LIGHT
        grey += np.random.default_rng(1).normal(0, NIGHT_NOISE, grey.shape)
        return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def area_of(box: Box, size: tuple[int, int]) -> Area:
    """Return the area of a relative box in pixels of a picture of `size` (width, height)."""
    left, top = box.x * size[0], box.y * size[1]
    return Area(left, top, left + box.width * size[0], top + box.height * size[1])


def in_columns(rows: list[list[str]]) -> list[str]:
    """Return the rows as lines with aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def read(folder: Path) -> list[LabelledPicture]:
    """The pictures of `truth.json`. Raises `PicturesError`."""
    path = folder / "truth.json"
    try:
        truth = json.loads(path.read_text())
        return [_picture(folder / "pictures" / name, objects) for name, objects in sorted(truth.items())]
    except OSError as error:
        raise PicturesError(f"{error.filename} cannot be read ({error.strerror}).") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise PicturesError(f"{path} does not have the expected form: {type(error).__name__} {error}.") from error


def _picture(path: Path, objects: list[dict[str, float | str]]) -> LabelledPicture:
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"), dtype=np.uint8)
    return LabelledPicture(path.name, pixels, tuple(_known(one, pixels.shape[0]) for one in objects))


def _known(one: dict[str, float | str], height: int) -> KnownObject:
    area = Area(*(float(one[edge]) for edge in ("x1", "y1", "x2", "y2")))
    share = (area.bottom - area.top) / height
    group = str(one["group"])
    if group not in GROUPS:
        raise ValueError(f"unknown group {group}")
    return KnownObject(group, area, next(name for name, most in SIZES if share < most))
