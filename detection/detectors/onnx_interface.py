"""The interface of an ONNX model: its inputs, its outputs, and the names of its classes."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.detectors.preprocessing import Size
from hsi.errors import AIServiceUnavailableError

DEFAULT_INPUT_EDGE = 640
LEAST_INPUT_EDGE, LARGEST_INPUT_EDGE = 16, 4096
INPUT_TYPES: dict[str, type[np.floating[Any]]] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}

Outputs = dict[str, NDArray[Any]]


class ModelUnusableError(AIServiceUnavailableError):
    """The model file is missing, damaged, or of a kind this system does not understand. Work waits for a person."""

    code = "DETECTOR_MODEL_UNUSABLE"


@dataclass(frozen=True, slots=True)
class Interface:
    """The inputs of a model: where the picture goes, and how large it must be.

    `sizes_input` takes the size of the picture, where the model asks for it. `names` are the class names written into
    the file.
    """

    image_input: str
    sizes_input: str | None
    size: Size
    channels_last: bool
    dtype: type[np.floating[Any]]
    names: dict[int, str] | None

    def feeds(self, values: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Return the model inputs for pictures in the shape (n, height, width, 3).

        The passed size is that of the input (width, height), so boxes are in these pixels.
        """
        planes = values if self.channels_last else values.transpose(0, 3, 1, 2)
        feeds: dict[str, NDArray[Any]] = {self.image_input: np.ascontiguousarray(planes, dtype=self.dtype)}
        if self.sizes_input:
            feeds[self.sizes_input] = np.array([self.size] * len(values), dtype=np.int64)
        return feeds


def read_interface(session: Any) -> Interface:
    """Return the interface of an onnxruntime session. Raise `ModelUnusableError` for inputs that no detector has."""
    images = [one for one in session.get_inputs() if len(one.shape) == 4]
    others = [one for one in session.get_inputs() if len(one.shape) != 4]
    if len(images) != 1 or len(others) > 1 or any(one.type != "tensor(int64)" for one in others):
        raise ModelUnusableError(
            f"its inputs {[one.name for one in session.get_inputs()]} are not one picture and at most its size"
        )
    image = images[0]
    batch, *sides = (edge if isinstance(edge, int) and edge > 0 else None for edge in image.shape)
    channels_last = sides[2] == 3 and sides[0] != 3
    colours = sides.pop(2 if channels_last else 0)
    if image.type not in INPUT_TYPES or colours not in (3, None):
        raise ModelUnusableError(f"its input is {image.type} {image.shape}; it must be float with 3 colours")
    if batch not in (1, None):
        raise ModelUnusableError(f"it takes {batch} pictures at a time; export it with a batch of 1, or of any size")
    height, width = (edge or DEFAULT_INPUT_EDGE for edge in sides)
    if not all(LEAST_INPUT_EDGE <= edge <= LARGEST_INPUT_EDGE for edge in (height, width)):
        raise ModelUnusableError(
            f"its input has {width}x{height} pixels; {LEAST_INPUT_EDGE} to {LARGEST_INPUT_EDGE} a side are possible"
        )
    return Interface(
        image_input=image.name,
        sizes_input=others[0].name if others else None,
        size=(width, height),
        channels_last=channels_last,
        dtype=INPUT_TYPES[image.type],
        names=class_names(session.get_modelmeta().custom_metadata_map),
    )


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
