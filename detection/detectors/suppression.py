"""Non-maximum suppression: of boxes that show one object, the surest one is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAME_OBJECT_OVERLAP = 0.45
# Models call one van a car, a truck and a bus at the same time.
VEHICLES = frozenset({"car", "truck", "bus", "van"})
MAX_COMPARED = 1000


def strongest(
    labels: Sequence[str],
    scores: NDArray[np.floating[Any]],
    edges: NDArray[np.floating[Any]],
    *,
    overlap: float = SAME_OBJECT_OVERLAP,
) -> list[int]:
    """Indices of the boxes kept, best first, of the 1,000 best.

    `edges` has rows of left, top, right, bottom. A box goes when a better one of the same label overlaps it by
    more than `overlap` (intersection over union); cars, trucks, buses and vans count as one label.
    """
    left = np.argsort(-scores, kind="stable")[:MAX_COMPARED]
    groups = np.array(["vehicle" if label in VEHICLES else label for label in labels], dtype=object)
    kept: list[int] = []
    while left.size:
        best, left = int(left[0]), left[1:]
        kept.append(best)
        repeats = (groups[left] == groups[best]) & (overlaps(edges[best], edges[left]) > overlap)
        left = left[~repeats]
    return kept


def overlaps(one: NDArray[np.floating[Any]], others: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Intersection over union of one box with each of the others; 0 where a box has no area or is not finite."""
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        sides = np.minimum(one[2:], others[:, 2:]) - np.maximum(one[:2], others[:, :2])
        shared = np.clip(sides, 0, None).prod(axis=1)
        areas = np.clip(others[:, 2:] - others[:, :2], 0, None).prod(axis=1)
        shares = shared / (np.clip(one[2:] - one[:2], 0, None).prod() + areas - shared)
    return np.where(np.isfinite(shares), shares, 0.0)
