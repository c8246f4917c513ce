"""The base class of detectors, and the choice of the detector by setting."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from django.conf import settings

from cameras.media.picture import Picture
from detection.model_store import store
from hsi.config.options import redact_url
from hsi.registry import Registry

MAX_PROVENANCE_CHARACTERS = 120  # length of Upload.detector


@dataclass(frozen=True, slots=True)
class Box:
    """A box relative to its picture: all four numbers are from 0 to 1, with the origin at the top left."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class DetectedObject:
    """A detected object: its label (of COCO-80 if possible) and its confidence from 0 to 1."""

    label: str
    confidence: float
    box: Box


class Detector(ABC):
    """A detector finds objects in a picture. Threads share it.

    `limits` is a sentence about what the detector cannot see.
    """

    name: ClassVar[str]
    limits: ClassVar[str] = ""

    @property
    def version(self) -> str:
        """Return the family and the SHA-256 of the model file, or an empty string if they are unknown."""
        return ""

    @abstractmethod
    def detect(self, picture: Picture) -> list[DetectedObject]:
        """Return the objects. Raise `HSIError` for an error, and never return an empty list instead."""

    @abstractmethod
    def check(self) -> str:
        """Return a line about a healthy detector. Raise `HSIError` for an unhealthy one."""

    @abstractmethod
    def close(self) -> None:
        """Release the model or the connections. The next call opens them again."""


_SERVICE_LIMITS = (
    "It finds the objects that the model of the service was trained on; this system does not know what that model "
    "misses."
)
# What each detector cannot see, in one sentence; here, so that a page shows it without loading the detector.
LIMITS: dict[str, str] = {
    "opencv": (
        "It finds only people who stand or walk upright and are completely visible: no vehicles, no animals, no "
        "people who sit, crouch or are half hidden, and almost no people at night."
    ),
    "onnx": (
        "It finds only the objects that its model was trained on, usually the 80 labels of COCO: no parcels, faces, "
        "firearms or fire; it misses many objects that are small or half hidden."
    ),
    "darknet": (
        "It finds only the 80 labels of COCO: no parcels, faces, firearms or fire; it misses about one person in "
        "four, mostly small or half hidden people, and more at night."
    ),
    "rtdetr": _SERVICE_LIMITS,
    "deepstack": _SERVICE_LIMITS,
}


def _auto() -> str:
    """Return the detector whose service address is set, else that of the set model, a downloaded model, or OpenCV."""
    if settings.RTDETR_URL:
        return "rtdetr"
    if settings.DETECTOR_MODEL:
        return "darknet" if settings.DETECTOR_MODEL.endswith(".weights") else "onnx"
    model = store.fetched_detector()
    return store.backend(model) if model else "opencv"


# Paths instead of classes, so that only the libraries of the used detector are loaded.
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
    """Return the configured detector, one object per process.

    Raise ImportError or `HSIError` if it cannot be created.
    """
    detector: Detector = detectors.get()
    return detector


def provenance(detector: Detector) -> str:
    """Return what an upload stores about its detector: name, family, and SHA-256 of the model file if known."""
    return f"{detector.name} {detector.version}".rstrip()[:MAX_PROVENANCE_CHARACTERS]


def active() -> str:
    """Return the name of the active detector and its model or address, without loading it."""
    name = detectors.chosen()
    if name in {"onnx", "darknet"}:
        model = store.fetched_detector(name)
        with_model = Path(settings.DETECTOR_MODEL).name or (model.name if model else "no model")
        return f"{name} with {with_model}"
    return f"{name} at {redact_url(settings.RTDETR_URL)}" if name in {"rtdetr", "deepstack"} else name


def active_limits() -> str:
    """Return what the active detector cannot see, without loading it; empty for one from elsewhere."""
    return LIMITS.get(detectors.chosen(), "")


def condition(detector: Detector) -> str:
    """Return the state of the detector, and what it cannot see. Raise `HSIError` if it is unhealthy."""
    return f"{detector.check()}. {detector.limits}".rstrip()


def service() -> str:
    """Return the service whose circuit breaker guards `detect`, or "" for a model of this process."""
    chosen = detectors.chosen()
    return "" if chosen in LOCAL else chosen.rpartition(".")[2][:40]


def problems() -> list[str]:
    """Return the faults of the settings, one line each, without connections and without loading a model."""
    name = detectors.chosen()
    if name in {"rtdetr", "deepstack"} and not settings.RTDETR_URL:
        return [f"DETECTOR={name} needs RTDETR_URL, the address of the service."]
    if name in {"onnx", "darknet"}:
        return _model_problems(name, settings.DETECTOR_MODEL)
    if name not in detectors.names:
        try:
            factory = detectors.load(name)
        except ImportError as error:
            known = ", ".join(detectors.names)
            return [f"DETECTOR={name!r} is neither one of {known} nor a path that can be loaded: {error}"]
        if isinstance(factory, type) and not issubclass(factory, Detector):
            return [f"DETECTOR={name!r} is not a subclass of detection.detectors.Detector."]
    return []


def _model_problems(name: str, path: str) -> list[str]:
    if not path and not store.fetched_detector(name):
        return [
            f"DETECTOR={name} needs a model: fetch one with `manage.py get_model`, or set DETECTOR_MODEL to a file."
        ]
    if path and not Path(path).is_file():
        return [f"DETECTOR_MODEL={path!r} is not a file."]
    return []
