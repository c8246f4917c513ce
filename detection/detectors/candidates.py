"""What a local model claims about one picture, and how this becomes objects: the same steps for every kind of model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.detectors.labels import COCO_80, COCO_91
from detection.detectors.postprocessing import RawObject
from detection.detectors.preprocessing import Size
from detection.detectors.suppression import strongest
from hsi.errors import AIServiceAnswerError

Floats = NDArray[np.floating[Any]]

# Single impossible scores are dropped and counted later; this share of them is a broken model.
BROKEN_SHARE = 0.5
ROUNDING = 0.01  # of half precision


@dataclass(frozen=True, slots=True)
class Candidates:
    """Unfiltered claims: `labels` (n) are class indices, `edges` (n, 4) are relative to the model's input."""

    labels: NDArray[np.int64]
    scores: Floats
    edges: Floats

    def refuse_broken(self, service: str) -> None:
        """Raise `AIServiceAnswerError` if most scores are impossible: that is not a picture without objects.

        An export that ends before the sigmoid has scores far outside 0 to 1.
        """
        possible = (self.scores >= -ROUNDING) & (self.scores <= 1 + ROUNDING)
        broken = int(np.count_nonzero(~possible))
        if broken and broken >= BROKEN_SHARE * self.scores.size:
            raise AIServiceAnswerError(
                f"{broken} of the model's {self.scores.size} scores are not numbers from 0 to 1", service=service
            )

    def claims(
        self, names: Mapping[int, str], share: tuple[float, float], size: Size, threshold: float
    ) -> Iterator[RawObject]:
        """Claims in pixels of a picture of `size` that covers this `share` of the input; no object twice."""
        chosen = np.flatnonzero(~(self.scores < threshold))  # NaN passes here, to be counted as a fault
        labels = [names.get(int(label), f"class {label}") for label in self.labels[chosen]]
        with np.errstate(invalid="ignore", over="ignore"):
            edges = self.edges[chosen] * np.tile([size[0] / share[0], size[1] / share[1]], 2)
        scores = self.scores[chosen].astype(np.float64)
        for index in strongest(labels, scores, edges):
            yield RawObject(labels[index], float(scores[index]), *edges[index].tolist())


def best_classes(scores: Floats, edges: Floats) -> Candidates:
    """Return one candidate per row of `scores` (n, classes) with its best class, so that each object has one label."""
    labels = scores.argmax(axis=1)
    return Candidates(labels, scores[np.arange(len(labels)), labels], edges)


def around(centres: Floats, sizes: Floats) -> Floats:
    """Edges (left, top, right, bottom) from centres and sizes, both (n, 2)."""
    with np.errstate(invalid="ignore", over="ignore"):  # infinite boxes become NaN, which are dropped and counted
        return np.hstack([centres - sizes / 2, centres + sizes / 2])


def sigmoid(values: Floats) -> Floats:
    # Beyond 60 the exponential says nothing more, and could overflow.
    return 1.0 / (1.0 + np.exp(-np.clip(values, -60.0, 60.0)))


def default_names(classes: int) -> dict[int, str]:
    """COCO's names for a model of 80, 90 or 91 classes: 91 and 90 count as COCO's categories do, from 0 and from 1."""
    if classes == 91:
        return COCO_91
    if classes == 90:
        return {number - 1: name for number, name in COCO_91.items()}
    return dict(enumerate(COCO_80)) if classes == 80 else {}
