"""The families of models that `DETECTOR=onnx` reads, and which of them a model is of."""

from __future__ import annotations

import numpy as np

from detection.detectors.families.decoded import SSD, DFine
from detection.detectors.families.detr import RFDetr, RTDetr
from detection.detectors.families.family import Family
from detection.detectors.families.nanodet import NanoDet
from detection.detectors.families.yolo import Yolo, Yolox
from detection.detectors.onnx_interface import Interface, ModelUnusableError, Outputs

# Those with outputs of their own names come first.
FAMILIES: tuple[type[Family], ...] = (RTDetr, DFine, RFDetr, SSD, NanoDet, Yolox, Yolo)


def family_of(outputs: Outputs, interface: Interface) -> Family:
    """Return the family of these outputs of one run. Raise `ModelUnusableError`."""
    for family in FAMILIES:
        if family.reads(outputs, interface):
            return family(interface)
    shapes = ", ".join(f"{name} {tuple(np.shape(output))}" for name, output in outputs.items())
    known = ", ".join(family.name for family in FAMILIES)
    raise ModelUnusableError(f"its outputs ({shapes}) are of none of the families {known}")
