"""Detectors that sort out their own boxes: CenterNet and similar, `detections` with six numbers an object."""

from __future__ import annotations

import numpy as np

from detection.detectors.candidates import Candidates
from detection.detectors.families.detr import LARGEST_RELATIVE_EDGE
from detection.detectors.families.family import Family, floats, shape_error
from detection.detectors.onnx_interface import Interface, Outputs
from detection.detectors.preprocessing import Preprocessing


class SSD(Family):
    """Rows of left, top, right, bottom (pixels of the input, or relative), score and class index."""

    name = "ssd"
    threshold = 0.3
    preprocessing = Preprocessing()

    @classmethod
    def reads(cls, outputs: Outputs, interface: Interface) -> bool:
        return any(is_detections(name, np.shape(output)) for name, output in outputs.items())

    def candidates(self, outputs: Outputs) -> Candidates:
        rows = next((output for name, output in outputs.items() if is_detections(name, (1, *np.shape(output)))), None)
        if rows is None:
            raise shape_error(outputs)
        rows = floats(rows)
        edges, scores, labels = rows[:, :4], rows[:, 4], rows[:, 5]
        finite = np.abs(edges[np.isfinite(edges)])
        if finite.size and finite.max() > LARGEST_RELATIVE_EDGE:
            edges = edges / self.edges_of_input
        return Candidates(np.nan_to_num(labels).astype(np.int64), scores, edges)


def is_detections(name: str, shape: tuple[int, ...]) -> bool:
    """Graphs that were converted from TensorFlow put the name of a part before it: `tower_0/detections`."""
    return name.rpartition("/")[2] == "detections" and len(shape) == 3 and shape[2] == 6
