"""A small signature of a picture, by which a camera's view is compared with what it usually shows. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Structure = NDArray[np.float32]
STRUCTURE_SIZE = (24, 14)
BLANK = 0  # the hash of a tile that is the same in all pictures


@dataclass(frozen=True, slots=True)
class Signature:
    """What is known of one picture.

    `tiles` are hashes of its parts (`BLANK`: nothing to compare), or empty. `brightest` is the 99th percentile of the
    brightness and `contrast` its standard deviation over large parts, in grey levels. `details` is the share of the
    picture that has any, and `sharpness` the ratio of fine to coarse details: about 0.3 if sharp, in any light.
    `structure` has the directions of the edges, shape (14, 24, 2). It is independent of light and contrast.
    """

    tiles: tuple[int, ...]
    brightest: float
    contrast: float
    details: float
    sharpness: float
    structure: Structure


def similarity(one: Structure, other: Structure) -> float:
    """Return how well two structures match: about 1 for the same view, about 0 for different ones."""
    norm = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return float((one * other).sum()) / norm if norm else 0.0
