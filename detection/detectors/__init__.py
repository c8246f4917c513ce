"""What is in a picture: the detector protocol, and the choice of a detector by setting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cameras.picture import Picture


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
