"""Labels: COCO-80, its older spellings, and the labels of metrics."""

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

# The category numbers of COCO run from 1 to 90 with gaps. These numbers are unused.
_HOLES = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
# Name by index of a model with 91 outputs (category number), without the gaps and 0.
COCO_91: dict[int, str] = dict(zip((n for n in range(1, 91) if n not in _HOLES), COCO_80, strict=True))

# Spellings of PASCAL VOC and older COCO name files that some detectors still return.
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
# Equal forms: "trafficlight", "TrafficLight" and "traffic_light".
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
    """Return the standard spelling of `label`: the name in COCO-80 if it has one.

    Other labels are converted to lower case, without control characters, and cut to 64 characters. An unreadable label
    becomes `unknown`.
    """
    return _canonical(label[: MAX_LABEL_CHARACTERS * 4])


def metric_label(label: str) -> str:
    """Return `label` if it is in COCO-80, else `other`, so that a service cannot create new time series."""
    name = canonical(label)
    return name if name in KNOWN else "other"


# Groups of labels. A setting that takes labels takes their names as well.
GROUPS: dict[str, frozenset[str]] = {
    "person": frozenset({"person"}),
    "vehicle": frozenset({"bicycle", "car", "motorcycle", "bus", "truck", "van", "boat"}),
    "animal": frozenset(
        {"bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "fox", "deer"}
    ),
    "bag": frozenset({"backpack", "handbag", "suitcase", "bag", "parcel", "package"}),
    "weapon": frozenset({"knife", "baseball bat", "weapon", "gun", "pistol", "handgun", "rifle", "axe", "crowbar"}),
}
_GROUP = {label: group for group, labels in GROUPS.items() for label in labels}


def group_of(label: str) -> str:
    """Return the group of a label. A label without a group is a group of its own."""
    return _GROUP.get(label, label)
