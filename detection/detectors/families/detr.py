"""Transformers with a fixed number of queries whose outputs are not decoded: RT-DETR, D-FINE and RF-DETR."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from detection.detectors.candidates import Candidates, around, best_classes, sigmoid
from detection.detectors.families.family import Family, floats, shape_error
from detection.detectors.onnx_interface import Interface, Outputs
from detection.detectors.preprocessing import Preprocessing


class Queries(Family):
    """Raw class scores (queries, classes), and boxes (queries, 4) as centre, width and height in 0..1."""

    scores_output: ClassVar[str]
    boxes_output: ClassVar[str]

    @classmethod
    def reads(cls, outputs: Outputs, interface: Interface) -> bool:
        return outputs.keys() >= {cls.scores_output, cls.boxes_output}

    def candidates(self, outputs: Outputs) -> Candidates:
        logits, boxes = floats(outputs[self.scores_output]), floats(outputs[self.boxes_output])
        if logits.ndim != 2 or boxes.shape != (len(logits), 4) or not logits.size:
            raise shape_error(outputs)
        return best_classes(sigmoid(logits), around(boxes[:, :2], boxes[:, 2:]))

    def classes(self, outputs: Outputs) -> int:
        return int(np.shape(outputs[self.scores_output])[-1])


class RTDetr(Queries):
    """RT-DETR and D-FINE as Hugging Face exports them."""

    name = "rtdetr"
    scores_output, boxes_output = "logits", "pred_boxes"
    preprocessing = Preprocessing(letterbox=False, scale=1 / 255)


class RFDetr(Queries):
    """RF-DETR as its authors export it. Pixels are normalised as for ImageNet."""

    name = "rfdetr"
    scores_output, boxes_output = "labels", "dets"
    preprocessing = Preprocessing(
        letterbox=False, scale=1 / 255, mean=(0.485, 0.456, 0.406), deviation=(0.229, 0.224, 0.225)
    )
