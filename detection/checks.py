"""System checks of the detector, and of the labels that settings name."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, register

from detection.detectors import problems
from detection.detectors.labels import GROUPS, KNOWN

LABELS_AND_GROUPS = KNOWN.union(GROUPS, *GROUPS.values())
LABELS = {
    "FAST_PATH_OBJECT_TYPES": KNOWN,
    "DETECTION_LABELS": LABELS_AND_GROUPS,
    "DETECTION_THRESHOLDS": LABELS_AND_GROUPS,
    "DETECTION_SURE_THRESHOLDS": LABELS_AND_GROUPS,
    "DETECTION_MIN_SIZES": LABELS_AND_GROUPS,
    "DETECTION_MAX_SIZES": LABELS_AND_GROUPS,
}


@register()
def check_backend(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    hint = "Change DETECTOR and the settings it needs. `manage.py show_config` lists them."
    return [Error(problem, hint=hint, id="detection.E001") for problem in problems()]


@register()
def check_labels(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Report unknown labels as information only, because a custom model may have its own labels."""
    words = "{} contains {!r}, which is not a standard label."
    hint = "Use COCO labels such as person or traffic light, separated by commas. Ignore this for a custom detector."
    return [
        Info(words.format(name, label), hint=hint, id="detection.I001")
        for name, known in LABELS.items()
        for label in (item.partition("=")[0] for item in getattr(settings, name))
        if label not in known
    ]
