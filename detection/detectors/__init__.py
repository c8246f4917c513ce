"""What is in a picture: the detector protocol, and the choice of a detector by setting."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from django.conf import settings

from cameras.media.picture import Picture
from detection.model_store import store
from hsi.registry import Registry

MAX_PROVENANCE_CHARACTERS = 120  # of Upload.detector


@dataclass(frozen=True, slots=True)
class Box:
    """A box relative to its picture: all four numbers are in 0..1, the origin is the top left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class DetectedObject:
    """One object found: a COCO-80 label where there is one, and how sure the detector is (0..1)."""

    label: str
    confidence: float
    box: Box


class Detector(Protocol):
    """Finds objects in one picture. Shared between threads.

    `detect` raises `hsi.errors.HSIError`: an error is never an empty list.

    Two more attributes are optional: `limits` is a sentence about what the detector cannot see, `version` the family
    and the SHA-256 of its model file.
    """

    name: str

    def detect(self, picture: Picture) -> list[DetectedObject]: ...

    def check(self) -> str:
        """One line about the detector when it is well; raises `HSIError` when it is not."""
        ...

    def close(self) -> None: ...


SERVICE_LIMITS = (
    "It finds the objects that the model of the service was trained on; this system does not know what that model "
    "misses."
)


def _auto() -> str:
    """The service whose address is set; else the model that is set; else a fetched one; else the built-in one."""
    if settings.RTDETR_URL:
        return "rtdetr"
    if settings.DETECTOR_MODEL:
        return "darknet" if settings.DETECTOR_MODEL.endswith(".weights") else "onnx"
    model = store.fetched_detector()
    return store.backend(model) if model else "opencv"


# Paths, not classes: the libraries behind a detector are loaded when it is used, and only its own.
detectors = Registry(
    setting="DETECTOR",
    names={
        "rtdetr": "detection.detectors.rtdetr.from_settings",
        "deepstack": "detection.detectors.deepstack.from_settings",
        "onnx": "detection.detectors.onnx.from_settings",
        "darknet": "detection.detectors.darknet.from_settings",
        "opencv": "detection.detectors.opencv.OpenCVDetector",
    },
    auto=_auto,
    depends=(
        "RTDETR_URL",
        "RTDETR_API_KEY",
        "RTDETR_READ_TIMEOUT",
        "AI_CONNECT_TIMEOUT",
        "AI_HEALTH_TIMEOUT",
        "DETECTOR_MODEL",
        "DATA_DIR",
    ),
)


LOCAL = frozenset({"onnx", "darknet", "opencv"})


def get_detector() -> Detector:
    """The detector in force, one object a process. Raises ImportError or `HSIError` when it cannot be made."""
    detector: Detector = detectors.get()
    return detector


def provenance(detector: Detector) -> str:
    """What an upload's row says of its detector: the name, and family and SHA-256 of the model file, where known."""
    return f"{detector.name} {getattr(detector, 'version', '')}".rstrip()[:MAX_PROVENANCE_CHARACTERS]


def condition(detector: Detector) -> str:
    """How the detector is, and what it cannot see. Raises `HSIError` when it is not well."""
    return f"{detector.check()}. {getattr(detector, 'limits', '')}".rstrip()


def service() -> str:
    """Whose circuit breaker guards `detect`: the name of a service, or "" for a model of this process."""
    chosen = detectors.chosen()
    return "" if chosen in LOCAL else chosen.rpartition(".")[2][:40]


def problems() -> list[str]:
    """What is wrong with the detector's settings, one line each; nothing is connected to, no model is loaded."""
    name = detectors.chosen()
    if name in {"rtdetr", "deepstack"} and not settings.RTDETR_URL:
        return [f"DETECTOR={name} needs RTDETR_URL, the address of the service."]
    if name in {"onnx", "darknet"}:
        return _model_problems(name, settings.DETECTOR_MODEL)
    if name not in detectors.names:
        try:
            detectors.load(name)
        except ImportError as error:
            known = ", ".join(detectors.names)
            return [f"DETECTOR={name!r} is neither one of {known} nor a path that can be loaded: {error}"]
    return []


def _model_problems(name: str, path: str) -> list[str]:
    if not path and not store.fetched_detector(name):
        return [
            f"DETECTOR={name} needs a model: fetch one with `manage.py get_model`, or set DETECTOR_MODEL to a file."
        ]
    if path and not Path(path).is_file():
        return [f"DETECTOR_MODEL={path!r} is not a file."]
    return []
