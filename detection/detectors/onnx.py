"""A local RT-DETR export through onnxruntime, on the CPU.

One session serves all threads: with one intra-op thread a run takes place in the thread that asks for
it, so two callers use two cores, and the weights are in memory once. (More intra-op threads in one
session are slower than that, more sessions hold the weights more than once.)
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from django.conf import settings
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors
from PIL import Image

from cameras.media.picture import Picture
from detection.detectors import DetectedObject
from detection.detectors.onnx_exports import Export, ModelUnusableError, read_export
from detection.detectors.postprocessing import Sieve
from hsi.errors import AIServiceError

# onnxruntime's errors have no common parent of their own.
ORT_ERRORS: tuple[type[Exception], ...] = tuple(
    one for one in vars(ort_errors).values() if isinstance(one, type) and issubclass(one, Exception)
)
# A reduced decode may fall this far short of the input's edge: 1920x1080 becomes 960x540 for an input of
# 640, at less than half the cost, and the model sees 540 lines stretched by a fifth.
LEAST_SHARE_OF_INPUT = 0.75


class OnnxDetector:
    """The model in the file `path`. Loaded on first use; until that succeeds every call tries again."""

    name = "onnx"

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Export] | None = None
        self._sieve = Sieve(self.name)

    def detect(self, picture: Picture) -> list[DetectedObject]:
        session, export = self._model()
        feeds = export.feeds(pixels_for(picture, export.size))
        try:
            outputs = session.run(list(export.outputs), feeds)
        except ORT_ERRORS as error:
            raise AIServiceError(f"the model failed: {str(error)[:500]}", service=self.name) from error
        size = picture.size
        return self._sieve.objects(export.claims(outputs, size, settings.DETECTION_CONFIDENCE_THRESHOLD), size)

    def check(self) -> str:
        _, export = self._model()
        return f"{Path(self.path).name}: {export.family}, input {export.size[0]}x{export.size[1]}"

    def close(self) -> None:
        with self._lock:
            self._loaded = None

    def _model(self) -> tuple[Any, Export]:
        with self._lock:
            if self._loaded is None:
                session = open_session(self.path)
                self._loaded = session, read_export(session)
            return self._loaded


def open_session(path: str) -> Any:
    """An onnxruntime session for the file. Raises `ModelUnusableError`."""
    if not Path(path).is_file():
        raise ModelUnusableError(f"there is no model file {path!r}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # its errors are raised, and need not be printed as well
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except ORT_ERRORS as error:
        raise ModelUnusableError(f"{path!r} cannot be loaded as an ONNX model: {str(error)[:300]}") from error


def pixels_for(picture: Picture, size: tuple[int, int]) -> NDArray[np.float32]:
    """RGB in 0..1, shape (1, 3, height, width): stretched to `size` whatever its shape, as RT-DETR is trained."""
    least = (int(size[0] * LEAST_SHARE_OF_INPUT), int(size[1] * LEAST_SHARE_OF_INPUT))
    image = picture.reduced(least, "RGB")
    if image.size != size:
        image = image.resize(size, Image.Resampling.BILINEAR)
    planes = np.asarray(image, dtype=np.uint8).transpose(2, 0, 1)[np.newaxis]
    return np.ascontiguousarray(planes, dtype=np.float32) / np.float32(255)


def from_settings() -> OnnxDetector:
    """The detector of the file `DETECTOR_MODEL`; what is wrong with it shows at `check` and `detect`."""
    return OnnxDetector(settings.DETECTOR_MODEL)
