"""What is in a picture: the detector protocol, and the choice of a detector by setting."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from django.conf import settings

from cameras.media.picture import Picture
from hsi.registry import Registry


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
    """

    name: str

    def detect(self, picture: Picture) -> list[DetectedObject]: ...

    def check(self) -> str:
        """One line about the detector when it is well; raises `HSIError` when it is not."""
        ...

    def close(self) -> None: ...


def _auto() -> str:
    """The service whose address is set; else a local model; else the built-in one."""
    if settings.RTDETR_URL:
        return "rtdetr"
    return "onnx" if settings.DETECTOR_MODEL else "opencv"


# Paths, not classes: the libraries behind a detector are loaded when it is used, and only its own.
detectors = Registry(
    setting="DETECTOR",
    names={
        "rtdetr": "detection.detectors.rtdetr.from_settings",
        "deepstack": "detection.detectors.deepstack.from_settings",
        "onnx": "detection.detectors.onnx.from_settings",
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
    ),
)


LOCAL = frozenset({"onnx", "opencv"})


def get_detector() -> Detector:
    """The detector in force, one object a process. Raises ImportError or `HSIError` when it cannot be made."""
    detector: Detector = detectors.get()
    return detector


def service() -> str:
    """Whose circuit breaker guards `detect`: the name of a service, or "" for a model of this process."""
    chosen = detectors.chosen()
    return "" if chosen in LOCAL else chosen.rpartition(".")[2][:40]


def problems() -> list[str]:
    """What is wrong with the detector's settings, one line each; nothing is connected to, no model is loaded."""
    name = detectors.chosen()
    if name in {"rtdetr", "deepstack"} and not settings.RTDETR_URL:
        return [f"DETECTOR={name} needs RTDETR_URL, the address of the service."]
    if name == "onnx":
        return _model_problems(settings.DETECTOR_MODEL)
    if name not in detectors.names:
        try:
            detectors.load(name)
        except ImportError as error:
            known = ", ".join(detectors.names)
            return [f"DETECTOR={name!r} is neither one of {known} nor a path that can be loaded: {error}"]
    return []


def _model_problems(path: str) -> list[str]:
    if not path:
        return ["DETECTOR=onnx needs DETECTOR_MODEL, the path of an RT-DETR export."]
    if not Path(path).is_file():
        return [f"DETECTOR_MODEL={path!r} is not a file."]
    return []
