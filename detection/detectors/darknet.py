"""YOLOv3-tiny, as its author published it, through OpenCV on the CPU."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from django.conf import settings

from cameras.media.picture import Picture
from detection.detectors import LIMITS, DetectedObject, Detector
from detection.detectors.candidates import around, best_classes
from detection.detectors.labels import COCO_80
from detection.detectors.model_file import read_model
from detection.detectors.onnx_interface import ModelUnusableError
from detection.detectors.postprocessing import Sieve, threshold
from detection.detectors.preprocessing import Preprocessing, canvas
from detection.model_store import store
from detection.model_store.manifest import YOLOV3_TINY
from hsi.errors import AIServiceError

INPUT_EDGE = 416
PREPROCESSING = Preprocessing(scale=1 / 255)
NAMES = dict(enumerate(COCO_80))
OWN_THRESHOLD = YOLOV3_TINY.threshold or 0.0

_CONVOLUTION = """
[convolutional]
batch_normalize=1
filters={filters}
size={size}
stride=1
pad=1
activation=leaky
"""
_POOL = """
[maxpool]
size=2
stride={stride}
"""
_OUTPUT = """
[convolutional]
filters=255
size=1
stride=1
pad=1
activation=linear

[yolo]
mask={mask}
anchors=10,14, 23,27, 37,58, 81,82, 135,169, 344,319
classes=80
num=6
"""


def network() -> str:
    """Return the structure of YOLOv3-tiny in the notation of darknet. The weights file contains numbers only."""
    parts = [f"[net]\nwidth={INPUT_EDGE}\nheight={INPUT_EDGE}\nchannels=3\n"]
    for filters in (16, 32, 64, 128, 256, 512):
        parts += [_CONVOLUTION.format(filters=filters, size=3), _POOL.format(stride=1 if filters == 512 else 2)]
    parts += [_CONVOLUTION.format(filters=filters, size=size) for filters, size in ((1024, 3), (256, 1), (512, 3))]
    parts += [_OUTPUT.format(mask="3,4,5"), "\n[route]\nlayers=-4\n", _CONVOLUTION.format(filters=128, size=1)]
    parts += ["\n[upsample]\nstride=2\n", "\n[route]\nlayers=-1,8\n", _CONVOLUTION.format(filters=256, size=3)]
    return "".join([*parts, _OUTPUT.format(mask="0,1,2")])


@dataclass(frozen=True, slots=True)
class LoadedNetwork:
    network: cv2.dnn.Net
    outputs: tuple[str, ...]
    sha256: str


class DarknetDetector(Detector):
    """The weights in the file `path`. Loaded on first use; until that succeeds every call tries again.

    OpenCV's network works on one picture at a time, with several threads of its own.
    """

    name = "darknet"
    limits = LIMITS[name]

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._loaded: LoadedNetwork | None = None
        self._sieve = Sieve(self.name)

    @property
    def version(self) -> str:
        """Family and SHA-256 of the model; empty before it was used."""
        return f"yolov3-tiny {self._loaded.sha256}" if self._loaded else ""

    def detect(self, picture: Picture) -> list[DetectedObject]:
        drawn = canvas(picture, (INPUT_EDGE, INPUT_EDGE), letterbox=True)
        planes = PREPROCESSING.values(drawn.pixels).transpose(2, 0, 1)[np.newaxis]
        with self._lock:
            loaded = self._load()
            try:
                loaded.network.setInput(np.ascontiguousarray(planes))
                outputs = loaded.network.forward(loaded.outputs)
            except cv2.error as error:
                raise AIServiceError(f"OpenCV failed: {error}", service=self.name) from error
        rows = np.concatenate([np.asarray(output, dtype=np.float32) for output in outputs])
        # Scores are products with the objectness already, and 0 below a threshold of OpenCV's own.
        candidates = best_classes(rows[:, 5:], around(rows[:, :2], rows[:, 2:4]))
        candidates.refuse_broken(self.name)
        size = picture.size
        claims = candidates.claims(NAMES, drawn.share, size, threshold(OWN_THRESHOLD))
        return self._sieve.objects(claims, size, OWN_THRESHOLD)

    def check(self) -> str:
        with self._lock:
            self._load()
        return f"{Path(self.path).name}: yolov3-tiny, input {INPUT_EDGE}x{INPUT_EDGE}"

    def close(self) -> None:
        with self._lock:
            self._loaded = None

    def _load(self) -> LoadedNetwork:
        if self._loaded is None:
            self._loaded = load(self.path)
        return self._loaded


def load(path: str) -> LoadedNetwork:
    """Read the weights. Raises `ModelUnusableError`, which names the file and what to do."""
    remedy = f"Fetch it with `manage.py get_model {YOLOV3_TINY.name}`."
    encoded, sha256 = read_model(path, remedy)
    # OpenCV takes any bytes for weights, and more or fewer of them too.
    if sha256 not in {build.sha256 for build in YOLOV3_TINY.builds}:
        raise ModelUnusableError(
            f"The model file {path!r} is not YOLOv3-tiny: it has {len(encoded):,} bytes and SHA-256 {sha256}. {remedy}"
        )
    try:
        made = cv2.dnn.readNetFromDarknet(np.frombuffer(network().encode(), np.uint8), np.frombuffer(encoded, np.uint8))
        return LoadedNetwork(made, tuple(made.getUnconnectedOutLayersNames()), sha256)
    except cv2.error as error:
        raise ModelUnusableError(f"OpenCV cannot read the model file {path!r}: {error}") from error


def from_settings() -> DarknetDetector:
    """Return the detector of `DETECTOR_MODEL`, else of the downloaded weights."""
    return DarknetDetector(settings.DETECTOR_MODEL or str(store.path_of(YOLOV3_TINY)))
