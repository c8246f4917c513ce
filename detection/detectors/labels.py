"""The names of things: COCO-80, its older spellings, and what may become a metric label."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

MAX_LABEL_CHARACTERS = 64
UNKNOWN = "unknown"

# The 80 categories of COCO's object detection task, in the order of a model's class index.
# fmt: off
COCO_80: tuple[str, ...] = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow",
    "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee",
    "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard",
    "tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple",
    "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch",
    "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard",
    "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors",
    "teddy bear", "hair drier", "toothbrush",
)
# fmt: on
KNOWN = frozenset(COCO_80)

# COCO's own category numbers run from 1 to 90 with holes: these numbers stand for nothing.
_HOLES = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
# Index of a model with 91 outputs (category number) -> name; the holes and 0 are absent.
COCO_91: dict[int, str] = dict(zip((n for n in range(1, 91) if n not in _HOLES), COCO_80, strict=True))

# Spellings of PASCAL VOC and of older COCO name files that detectors still answer with.
ALIASES: dict[str, str] = {
    "motorbike": "motorcycle",
    "aeroplane": "airplane",
    "sofa": "couch",
    "pottedplant": "potted plant",
    "diningtable": "dining table",
    "tvmonitor": "tv",
    "tv monitor": "tv",
    "television": "tv",
    "doughnut": "donut",
    "hair dryer": "hair drier",
    "cellphone": "cell phone",
    "mobile phone": "cell phone",
}
# "trafficlight", "TrafficLight" and "traffic_light" are one thing.
_JOINED = {name.replace(" ", ""): name for name in COCO_80 if " " in name}

_SEPARATORS = re.compile(r"[\s_\-]+")


@lru_cache(maxsize=1024)
def _canonical(label: str) -> str:
    text = unicodedata.normalize("NFKC", label)
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    words = _SEPARATORS.sub(" ", text).strip().lower()[:MAX_LABEL_CHARACTERS].strip()
    words = ALIASES.get(words, words)
    return _JOINED.get(words, words) or UNKNOWN


def canonical(label: str) -> str:
    """The one spelling of `label`: COCO-80 where it is one of its names or aliases.

    Any other label is kept in lower case, without control characters, at most 64 characters long;
    a label without anything to read becomes `unknown`.
    """
    return _canonical(label[: MAX_LABEL_CHARACTERS * 4])


def metric_label(label: str) -> str:
    """`label` where it is in COCO-80, else `other`: what a peer invents must not become a time series."""
    name = canonical(label)
    return name if name in KNOWN else "other"
