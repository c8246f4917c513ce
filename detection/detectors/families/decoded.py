"""Models that decode their own boxes: D-FINE and RT-DETR as their authors export them, CenterNet and similar."""

from __future__ import annotations

import numpy as np

from detection.detectors.candidates import Candidates, Floats
from detection.detectors.families.family import Family, floats, shape_error
from detection.detectors.onnx_interface import Interface, Outputs
from detection.detectors.preprocessing import Preprocessing

# Edges are relative if none exceeds this, else in pixels of the input.
LARGEST_RELATIVE_EDGE = 2.0


class DFine(Family):
    """D-FINE, and RT-DETR as its authors export it: labels, edges and scores, sorted out already.

    With a second input edges are in pixels of the size that it is given.
    """

    name = "dfine"
    preprocessing = Preprocessing(letterbox=False, scale=1 / 255)

    @classmethod
    def reads(cls, outputs: Outputs, interface: Interface) -> bool:
        return outputs.keys() >= {"labels", "boxes", "scores"}

    def candidates(self, outputs: Outputs) -> Candidates:
        labels, scores, edges = np.asarray(outputs["labels"]), floats(outputs["scores"]), floats(outputs["boxes"])
        if labels.ndim != 1 or scores.shape != labels.shape or edges.shape != (len(labels), 4):
            raise shape_error(outputs)
        if self.interface.sizes_input or in_pixels(edges):
            edges = edges / self.edges_of_input
        return classified(labels, scores, edges)


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
        if in_pixels(edges):
            edges = edges / self.edges_of_input
        return classified(labels, scores, edges)


def is_detections(name: str, shape: tuple[int, ...]) -> bool:
    """Graphs that were converted from TensorFlow put the name of a part before it: `tower_0/detections`."""
    return name.rpartition("/")[2] == "detections" and len(shape) == 3 and shape[2] == 6


def classified(labels: Floats, scores: Floats, edges: Floats) -> Candidates:
    """Candidates with class indices from numbers. A label that is not a number makes its score NaN, a fault."""
    known = np.isfinite(labels)
    return Candidates(np.where(known, labels, 0).astype(np.int64), np.where(known, scores, np.nan), edges)


def in_pixels(edges: Floats) -> bool:
    finite = np.abs(edges[np.isfinite(edges)])
    return bool(finite.size and finite.max() > LARGEST_RELATIVE_EDGE)
