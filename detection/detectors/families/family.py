"""What every family of ONNX models has: how it takes a picture, and how its outputs become candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from detection.detectors.candidates import Candidates, Floats, default_names
from detection.detectors.onnx_interface import Interface, Outputs
from detection.detectors.preprocessing import Preprocessing
from hsi.errors import AIServiceAnswerError

STRIDES = (8, 16, 32)


@dataclass(frozen=True)
class Family:
    """One kind of model. `threshold` is the confidence that suits it: scores are not comparable across families."""

    interface: Interface

    name: ClassVar[str]
    threshold: ClassVar[float] = 0.5
    preprocessing: ClassVar[Preprocessing]

    @classmethod
    def reads(cls, outputs: Outputs, interface: Interface) -> bool:
        """Return whether these outputs, of one run with one picture, belong to this family."""
        raise NotImplementedError

    def candidates(self, outputs: Outputs) -> Candidates:
        """Return the claims about one picture from its outputs without the batch axis. Raise `AIServiceAnswerError`."""
        raise NotImplementedError

    def classes(self, outputs: Outputs) -> int:
        """Return the number of classes of the outputs, or 80 if they do not tell."""
        return 80

    def names(self, outputs: Outputs) -> Mapping[int, str]:
        """Return the names of the classes: those in the file, else COCO's if the number of classes fits."""
        return self.interface.names or default_names(self.classes(outputs))

    @cached_property
    def grids(self) -> dict[int, Floats]:
        """Column and row of each cell, by stride. They depend on the input only, so they are computed once."""
        return {stride: grid(stride, self.interface) for stride in STRIDES}

    @property
    def edges_of_input(self) -> Floats:
        """Width, height, width, height of the input: divides edges in pixels."""
        return np.array(self.interface.size * 2, dtype=np.float32)


def cells(stride: int, interface: Interface) -> int:
    """Return the number of cells in a grid of `stride` pixels over the input."""
    return -(-interface.size[0] // stride) * -(-interface.size[1] // stride)


def grid(stride: int, interface: Interface) -> Floats:
    """Column and row of each cell of the grid, row by row: (n, 2)."""
    columns, rows = (-(-edge // stride) for edge in interface.size)
    row, column = np.mgrid[:rows, :columns]
    return np.stack([column.ravel(), row.ravel()], axis=1).astype(np.float32)


def shape_error(outputs: Mapping[str, Any]) -> AIServiceAnswerError:
    shapes = ", ".join(f"{name} {tuple(np.shape(output))}" for name, output in outputs.items())
    return AIServiceAnswerError(f"the model's outputs have shapes that do not fit together: {shapes}", service="onnx")


def floats(output: Any) -> Floats:
    return np.asarray(output).astype(np.float32)
