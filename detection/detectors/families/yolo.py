"""One-stage detectors over three grids: YOLOX, and YOLOv8 and later."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from detection.detectors.candidates import Candidates, Floats, around, best_classes
from detection.detectors.families.family import STRIDES, Family, cells, floats, shape_error
from detection.detectors.onnx_interface import Interface, Outputs
from detection.detectors.preprocessing import Preprocessing


class Yolox(Family):
    """A row for each cell: centre from the cell, logarithm of the size, both in strides; objectness; class scores."""

    name = "yolox"
    threshold = 0.4
    preprocessing = Preprocessing(bgr=True)

    @classmethod
    def reads(cls, outputs: Outputs, interface: Interface) -> bool:
        shapes = [np.shape(output) for output in outputs.values()]
        return len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][1] == rows(interface) and shapes[0][2] > 5

    def candidates(self, outputs: Outputs) -> Candidates:
        (output,) = outputs.values()
        values = floats(output)
        if values.ndim != 2 or len(values) != rows(self.interface):
            raise shape_error(outputs)
        with np.errstate(over="ignore", invalid="ignore"):
            boxes = around((values[:, :2] + self.corners) * self.strides, np.exp(values[:, 2:4]) * self.strides)
        return best_classes(values[:, 4:5] * values[:, 5:], boxes / self.edges_of_input)

    def classes(self, outputs: Outputs) -> int:
        (output,) = outputs.values()
        return int(np.shape(output)[-1]) - 5

    @cached_property
    def corners(self) -> Floats:
        """Column and row of each cell of the three grids: (n, 2)."""
        return np.concatenate(list(self.grids.values()))

    @cached_property
    def strides(self) -> Floats:
        """Stride of each cell of the three grids: (n, 1)."""
        return np.concatenate([np.full((len(grid), 1), stride, np.float32) for stride, grid in self.grids.items()])


def rows(interface: Interface) -> int:
    return sum(cells(stride, interface) for stride in STRIDES)


class Yolo(Family):
    """A column for each cell: centre, width and height in pixels of the input, then class scores.

    A model that answers with more than boxes and classes (outlines, key points) has more rows than its class names say,
    or a second output; its rows would be taken for classes.
    """

    name = "yolo"
    preprocessing = Preprocessing(scale=1 / 255)

    @classmethod
    def reads(cls, outputs: Outputs, interface: Interface) -> bool:
        shapes = [np.shape(output) for output in outputs.values()]
        if len(shapes) != 1 or len(shapes[0]) != 3 or shapes[0][1] <= 4:
            return False
        if interface.names is not None and len(interface.names) != shapes[0][1] - 4:
            return False
        return int(shapes[0][2]) == rows(interface)

    def candidates(self, outputs: Outputs) -> Candidates:
        (output,) = outputs.values()
        values = floats(output).T
        if values.ndim != 2 or values.shape[1] <= 4:
            raise shape_error(outputs)
        edges = around(values[:, :2], values[:, 2:4]) / self.edges_of_input
        return best_classes(values[:, 4:], edges)

    def classes(self, outputs: Outputs) -> int:
        (output,) = outputs.values()
        return int(np.shape(output)[-2]) - 4
