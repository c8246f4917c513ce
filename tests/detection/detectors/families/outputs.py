"""Outputs of the families whose numbers are hard to write by hand, with one object in a known place."""

from __future__ import annotations

from typing import Any

import numpy as np

EDGE = 128  # of a square input: grids of 16, 8 and 4 cells a side
STRIDES = (8, 16, 32)
ROWS = sum((EDGE // stride) ** 2 for stride in STRIDES)
# Centre and size in pixels of the input, in the fourth column and third row of the finest grid.
CENTRE, SIZE = (26.0, 20.0), (16.0, 24.0)
ROW = 2 * (EDGE // 8) + 3


def yolox(label: int, objectness: float, score: float, classes: int = 80) -> dict[str, Any]:
    output = np.zeros((1, ROWS, 5 + classes), np.float32)
    output[0, ROW, :2] = CENTRE[0] / 8 - 3, CENTRE[1] / 8 - 2
    output[0, ROW, 2:4] = np.log(np.array(SIZE) / 8)
    output[0, ROW, 4], output[0, ROW, 5 + label] = objectness, score
    return {"output": output}


def yolo(label: int, score: float, classes: int = 80) -> dict[str, Any]:
    output = np.zeros((1, 4 + classes, ROWS), np.float32)
    output[0, :4, ROW] = *CENTRE, *SIZE
    output[0, 4 + label, ROW] = score
    return {"output0": output}


def nanodet(label: int, score: float, bins: int = 11, classes: int = 80) -> dict[str, Any]:
    outputs: dict[str, Any] = {}
    for stride in STRIDES:
        cells = (EDGE // stride) ** 2
        scores, distances = np.zeros((1, cells, classes), np.float32), np.zeros((1, cells, 4 * bins), np.float32)
        if stride == 8:
            scores[0, ROW, label] = score
            # All weight on one bin of each edge: 1, 1, 2 and 3 strides from the middle of the cell.
            for edge, distance in enumerate((1, 1, 2, 3)):
                distances[0, ROW, edge * bins + distance] = 60.0
        outputs |= {f"cls_{stride}": scores, f"dis_{stride}": distances}
    return outputs


def ssd(*rows: tuple[float, ...]) -> dict[str, Any]:
    return {"tower_0/detections": np.array([rows], np.float32)}


def rfdetr(label: int, score: float, box: tuple[float, float, float, float]) -> dict[str, Any]:
    labels = np.full((1, 2, 91), -9.0, np.float32)
    labels[0, 0, label] = np.log(score / (1 - score))
    return {"dets": np.array([[box, (0, 0, 0, 0)]], np.float32), "labels": labels}
