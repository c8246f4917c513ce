"""The two ways RT-DETR is exported to ONNX, and how each one's outputs become claims.

- `logits + pred_boxes` (Hugging Face): raw class scores (N, queries, classes), to be put through a
  sigmoid, and boxes (N, queries, 4) as centre x, centre y, width, height in 0..1.
- `labels, boxes, scores` (the authors' export): sorted out already; boxes (N, queries, 4) are edges in
  pixels of `orig_target_sizes` (width, height), a second input.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.detectors.labels import COCO_80, COCO_91
from detection.detectors.postprocessing import RawObject
from hsi.errors import AIServiceAnswerError, AIServiceUnavailableError

DEFAULT_INPUT_EDGE = 640
INPUT_TYPES: dict[str, type[np.floating[Any]]] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
FAMILIES: tuple[tuple[str, ...], ...] = (("logits", "pred_boxes"), ("labels", "boxes", "scores"))
# Boxes of an export without a second input: relative when none reaches further than this, else pixels of the input.
LARGEST_RELATIVE_EDGE = 2.0


class ModelUnusableError(AIServiceUnavailableError):
    """The model file is missing, is no ONNX model, or is not one this system understands. Work waits for a person."""

    code = "DETECTOR_MODEL_UNUSABLE"


@dataclass(frozen=True, slots=True)
class Export:
    """How to run one model: names of its inputs and outputs, its input size (width, height), its class names."""

    outputs: tuple[str, ...]
    image_input: str
    sizes_input: str | None
    size: tuple[int, int]
    dtype: type[np.floating[Any]]
    names: dict[int, str] | None

    @property
    def family(self) -> str:
        return " + ".join(self.outputs)

    def feeds(self, pixels: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """The model's inputs. The size told is the input's own: it is square, so its order cannot be mistaken."""
        feeds: dict[str, NDArray[Any]] = {self.image_input: pixels.astype(self.dtype, copy=False)}
        if self.sizes_input:
            feeds[self.sizes_input] = np.array([self.size], dtype=np.int64)
        return feeds

    def claims(self, outputs: Sequence[Any], size: tuple[int, int], threshold: float) -> Iterable[RawObject]:
        """Claims in pixels of a picture of `size`, none surely below `threshold`. Raises `AIServiceAnswerError`."""
        labels, scores, edges = self._from_queries(outputs) if len(outputs) == 2 else self._sorted_out(outputs)
        names = self.names or default_names(np.shape(outputs[0])[-1] if len(outputs) == 2 else len(COCO_80))
        edges = edges * np.array([*size, *size], dtype=np.float64)
        for index in np.flatnonzero(~(scores < threshold)):  # NaN passes here, to be counted as a fault
            label = int(labels[index])
            yield RawObject(names.get(label, f"class {label}"), float(scores[index]), *edges[index].tolist())

    def _from_queries(self, outputs: Sequence[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """(labels, scores, relative edges): the best class of each query, so that one object has one name."""
        logits, boxes = (np.asarray(output, dtype=np.float64) for output in outputs)
        if logits.ndim != 3 or boxes.shape != (1, logits.shape[1], 4) or not logits.size:
            raise AIServiceAnswerError(
                f"the model's outputs have shapes {logits.shape} and {boxes.shape}", service="onnx"
            )
        labels = logits[0].argmax(axis=1)
        best = np.clip(logits[0][np.arange(len(labels)), labels], -60.0, 60.0)  # beyond, exp says nothing more
        centres, halves = boxes[0, :, :2], boxes[0, :, 2:] / 2
        with np.errstate(invalid="ignore"):  # infinite boxes become NaN, which are dropped and counted
            edges = np.hstack([centres - halves, centres + halves])
        return labels, 1.0 / (1.0 + np.exp(-best)), edges

    def _sorted_out(self, outputs: Sequence[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        labels, boxes, scores = (np.asarray(output) for output in outputs)
        if labels.ndim != 2 or scores.shape != labels.shape or boxes.shape != (1, labels.shape[1], 4):
            shapes = f"{labels.shape}, {boxes.shape} and {scores.shape}"
            raise AIServiceAnswerError(f"the model's outputs have shapes {shapes}", service="onnx")
        edges = boxes[0].astype(np.float64)
        finite = np.abs(edges[np.isfinite(edges)])
        if self.sizes_input or (finite.size and finite.max() > LARGEST_RELATIVE_EDGE):
            edges = edges / np.array([*self.size, *self.size], dtype=np.float64)
        return np.nan_to_num(labels[0]).astype(np.int64), scores[0].astype(np.float64), edges


def read_export(session: Any) -> Export:
    """What kind of export an onnxruntime session holds. Raises `ModelUnusableError`."""
    present = {output.name for output in session.get_outputs()}
    outputs = next((family for family in FAMILIES if present.issuperset(family)), None)
    if outputs is None:
        raise ModelUnusableError(f"the model's outputs {sorted(present)} are of no RT-DETR export")
    images = [one for one in session.get_inputs() if len(one.shape) == 4]
    others = [one for one in session.get_inputs() if len(one.shape) != 4]
    if len(images) != 1 or len(others) > 1 or any(one.type != "tensor(int64)" for one in others):
        raise ModelUnusableError(
            f"the model's inputs {[one.name for one in session.get_inputs()]} are of no RT-DETR export"
        )
    image = images[0]
    if image.type not in INPUT_TYPES or (isinstance(image.shape[1], int) and image.shape[1] != 3):
        raise ModelUnusableError(f"the model's input is {image.type} {image.shape}; it must be float, 3 colours first")
    height, width = (edge if isinstance(edge, int) and edge > 0 else DEFAULT_INPUT_EDGE for edge in image.shape[2:])
    names = class_names(session.get_modelmeta().custom_metadata_map)
    sizes = others[0].name if others else None
    return Export(outputs, image.name, sizes, (width, height), INPUT_TYPES[image.type], names)


def class_names(metadata: dict[str, str]) -> dict[int, str] | None:
    """Class names written into the model, as a list or a mapping from index, in JSON or as Python prints it.

    `names` is the key of Ultralytics exports, `id2label` that of Hugging Face. None where there are none to read.
    """
    text = metadata.get("names") or metadata.get("id2label") or ""
    try:
        value = ast.literal_eval(text)
        if isinstance(value, list | tuple):
            value = dict(enumerate(value))
        return {int(index): str(name) for index, name in value.items()} or None
    except (ValueError, TypeError, AttributeError, SyntaxError, RecursionError, MemoryError):
        return None


def default_names(classes: int) -> dict[int, str]:
    """COCO's names for a model of `classes` outputs: 91 and 90 count as COCO's categories do, from 0 and from 1."""
    if classes == 91:
        return COCO_91
    if classes == 90:
        return {number - 1: name for number, name in COCO_91.items()}
    return dict(enumerate(COCO_80))
