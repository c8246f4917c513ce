"""A local ONNX model on the CPU, with onnxruntime.

All threads share one session. With one intra-op thread, a run takes place in the calling thread, so two callers use two
cores and the weights are in memory once. More intra-op threads in one session are slower, and more sessions hold the
weights more than once.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from django.conf import settings
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from cameras.media.picture import Picture
from detection.detectors import LIMITS, DetectedObject, Detector
from detection.detectors.families import family_of
from detection.detectors.families.family import Family
from detection.detectors.model_file import read_model
from detection.detectors.onnx_interface import Interface, ModelUnusableError, Outputs, read_interface
from detection.detectors.postprocessing import Sieve, threshold
from detection.detectors.preprocessing import canvas
from detection.model_store import manifest, store
from hsi.errors import AIServiceError

# The errors of onnxruntime have no common base class.
ORT_ERRORS: tuple[type[Exception], ...] = tuple(
    one for one in vars(ort_errors).values() if isinstance(one, type) and issubclass(one, Exception)
)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A tested model: its session, its family, the names of its classes, and the hash of its file."""

    session: Any
    family: Family
    names: Mapping[int, str]
    sha256: str

    @property
    def threshold(self) -> float:
        known = manifest.by_sha256(self.sha256)
        return known.threshold if known and known.threshold else self.family.threshold


class OnnxDetector(Detector):
    """The model in the file `path`. It is loaded on first use; until this succeeds, every call tries again."""

    name = "onnx"
    limits = LIMITS[name]

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._loaded: LoadedModel | None = None
        self._sieve = Sieve(self.name)

    @property
    def version(self) -> str:
        """Return the family and SHA-256 of the model, or an empty string before its first use."""
        return f"{self._loaded.family.name} {self._loaded.sha256}" if self._loaded else ""

    def detect(self, picture: Picture) -> list[DetectedObject]:
        model = self._model()
        family = model.family
        drawn = canvas(picture, family.interface.size, letterbox=family.preprocessing.letterbox)
        outputs = run(model.session, family.interface, family.preprocessing.values(drawn.pixels)[np.newaxis])
        candidates = family.candidates({name: output[0] for name, output in outputs.items()})
        candidates.refuse_broken(self.name)
        size = picture.size
        claims = candidates.claims(model.names, drawn.share, size, threshold(model.threshold))
        return self._sieve.objects(claims, size, model.threshold)

    def check(self) -> str:
        model = self._model()
        width, height = model.family.interface.size
        return f"{Path(self.path).name}: {model.family.name}, input {width}x{height}"

    def close(self) -> None:
        with self._lock:
            self._loaded = None

    def _model(self) -> LoadedModel:
        with self._lock:
            if self._loaded is None:
                self._loaded = load(self.path)
            return self._loaded


def load(path: str) -> LoadedModel:
    """Load the model and run it once. Raise `ModelUnusableError` with the file and a remedy."""
    encoded, sha256 = read_model(
        path, "Set DETECTOR_MODEL to an ONNX file, or fetch a model with `manage.py get_model`."
    )
    try:
        if store.is_changed(Path(path), sha256):
            raise ModelUnusableError(f"its SHA-256 {sha256} is not the one of the manifest; fetch it again")
        session = open_session(encoded)
        interface = read_interface(session)
        outputs = run(session, interface, np.full((1, *interface.size[::-1], 3), 0.5, np.float32))
        family = family_of(outputs, interface)
        one = {name: output[0] for name, output in outputs.items()}
        family.candidates(one).refuse_broken(OnnxDetector.name)
    except AIServiceError as error:
        raise ModelUnusableError(
            f"The model file {path!r} cannot be used: {error.detail}. Replace the file, set DETECTOR_MODEL to another,"
            " or fetch a model with `manage.py get_model`."
        ) from error
    return LoadedModel(session, family, family.names(one), sha256)


def open_session(encoded: bytes) -> Any:
    """Return an onnxruntime session with one intra-op thread. Raise `ModelUnusableError`."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # its errors are raised, so they need not be printed too
    try:
        return onnxruntime.InferenceSession(encoded, options, providers=["CPUExecutionProvider"])
    except ORT_ERRORS as error:
        raise ModelUnusableError(
            f"it is damaged, incomplete or no ONNX model ({str(error)[:300].rstrip('. ')})"
        ) from error


def run(session: Any, interface: Interface, values: Any) -> Outputs:
    """Return the outputs by name for values of shape (n, height, width, 3). Raise `AIServiceError`."""
    names = [output.name for output in session.get_outputs()]
    try:
        outputs: Sequence[Any] = session.run(names, interface.feeds(values))
    except ORT_ERRORS as error:
        raise AIServiceError(f"the model failed while running: {str(error)[:500]}", service="onnx") from error
    found = dict(zip(names, outputs, strict=True))
    wrong = {name: np.shape(output) for name, output in found.items() if np.shape(output)[:1] != (len(values),)}
    if wrong:
        raise ModelUnusableError(f"its outputs {wrong} are not for {len(values)} picture(s)")
    return found


def from_settings() -> OnnxDetector:
    """Return the detector of `DETECTOR_MODEL`, else of a downloaded model.

    Its faults appear in `check` and `detect`.
    """
    fetched = store.fetched_detector("onnx")
    return OnnxDetector(settings.DETECTOR_MODEL or (str(store.path_of(fetched)) if fetched else ""))
