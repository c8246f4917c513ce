"""Transformers that answer with a fixed number of queries: RT-DETR, D-FINE and RF-DETR."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from detection.detectors.candidates import Candidates, around, best_classes, sigmoid
from detection.detectors.families.family import Family, floats, shape_error
from detection.detectors.onnx_interface import Interface, Outputs
from detection.detectors.preprocessing import Preprocessing

# Boxes without a second input: relative when none reaches further than this, else pixels of the input.
LARGEST_RELATIVE_EDGE = 2.0


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
        finite = np.abs(edges[np.isfinite(edges)])
        if self.interface.sizes_input or (finite.size and finite.max() > LARGEST_RELATIVE_EDGE):
            edges = edges / self.edges_of_input
        return Candidates(np.nan_to_num(labels).astype(np.int64), scores, edges)
