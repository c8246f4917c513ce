"""NanoDet: for each cell the classes, and for each edge a distribution over distances."""

from __future__ import annotations

import numpy as np

from detection.detectors.candidates import Candidates, Floats, best_classes, sigmoid
from detection.detectors.families.family import Family, cells, floats, shape_error
from detection.detectors.onnx_interface import Interface, Outputs
from detection.detectors.preprocessing import Preprocessing

STRIDES = (8, 16, 32, 64)
# Four edges with as many bins as the releases have: NanoDet and NanoDet-Plus 8, its larger and "g" models 11.
DISTANCE_COLUMNS = frozenset({4 * 8, 4 * 11})


class NanoDet(Family):
    """Two outputs a grid: class scores (cells, classes), and distances (cells, 4 x bins) from the cell's middle."""

    name = "nanodet"
    threshold = 0.4
    preprocessing = Preprocessing(bgr=True, mean=(103.53, 116.28, 123.675), deviation=(57.375, 57.12, 58.395))

    @classmethod
    def reads(cls, outputs: Outputs, interface: Interface) -> bool:
        if any(np.ndim(output) != 3 for output in outputs.values()):
            return False
        return len(levels({name: output[0] for name, output in outputs.items()}, interface)) >= 3

    def candidates(self, outputs: Outputs) -> Candidates:
        found = levels(outputs, self.interface)
        if not found:
            raise shape_error(outputs)
        scores = np.concatenate([classes for _, classes, _ in found])
        edges = np.concatenate([self._edges(stride, distances) for stride, _, distances in found])
        # Some exports end before the sigmoid.
        finite = scores[np.isfinite(scores)]
        if finite.size and (finite.min() < 0.0 or finite.max() > 1.0):
            scores = sigmoid(scores)
        return best_classes(scores, edges / self.edges_of_input)

    def _edges(self, stride: int, distances: Floats) -> Floats:
        bins = distances.reshape(len(distances), 4, -1)
        with np.errstate(over="ignore", invalid="ignore"):
            weights = np.exp(bins - bins.max(axis=2, keepdims=True))
            expected = (weights * np.arange(bins.shape[2])).sum(axis=2) / weights.sum(axis=2) * stride
        middles = self.grids[stride] * stride + (stride - 1) / 2
        return np.hstack([middles - expected[:, :2], middles + expected[:, 2:]])

    def classes(self, outputs: Outputs) -> int:
        return int(levels(outputs, self.interface)[0][1].shape[1])


def levels(outputs: Outputs, interface: Interface) -> list[tuple[int, Floats, Floats]]:
    """Return (stride, class scores, distances) of each grid, or nothing if the outputs do not come in such pairs."""
    found = []
    for stride in STRIDES:
        pair = [floats(output) for output in outputs.values() if len(output) == cells(stride, interface)]
        pair.sort(key=lambda output: output.shape[1] in DISTANCE_COLUMNS)
        if [output.shape[1] in DISTANCE_COLUMNS for output in pair] == [False, True]:
            found.append((stride, pair[0], pair[1]))
    return found if 2 * len(found) == len(outputs) else []
