"""What each installed detector finds in labelled pictures: recall, false boxes, and time."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings

from cameras.media.picture import Picture
from detection.detectors import Detector, get_detector, provenance
from detection.detectors.darknet import DarknetDetector
from detection.detectors.onnx import OnnxDetector
from detection.detectors.opencv import OpenCVDetector
from detection.model_store import manifest, store
from tests.judge.pictures import GROUPS, LIGHTS, SIZES, LabelledPicture, area_of, in_columns

Report = list[dict[str, Any]]


def installed() -> Iterator[tuple[str, Detector]]:
    """OpenCV's, the models in the store and in a folder that MODEL_SOURCE names, and what the settings name."""
    yield "opencv", OpenCVDetector()
    folders = [store.folder()]
    if settings.MODEL_SOURCE and "://" not in settings.MODEL_SOURCE:
        folders.append(Path(settings.MODEL_SOURCE))
    for model in manifest.MODELS:
        path = next((folder / model.file for folder in folders if (folder / model.file).is_file()), None)
        if model.purpose == "detector" and path is not None:
            yield model.name, DarknetDetector(str(path)) if model.family == "darknet" else OnnxDetector(str(path))
    if settings.DETECTOR_MODEL or settings.RTDETR_URL:
        yield Path(settings.DETECTOR_MODEL).name or settings.RTDETR_URL, get_detector()


def measure(pictures: list[LabelledPicture], detectors: Sequence[tuple[str, Detector]]) -> Report:
    """One entry for each detector and light."""
    report: Report = []
    for name, detector in detectors:
        detector.detect(Picture(pixels=pictures[0].pixels))  # loads the model
        report += [measured(name, detector, pictures, light) for light in LIGHTS]
    return report


def measured(name: str, detector: Detector, pictures: list[LabelledPicture], light: str) -> dict[str, Any]:
    """Counts by group, and the median time of a picture, whose pixels are decoded already."""
    objects: Counter[tuple[str, str]] = Counter()
    found: Counter[tuple[str, str]] = Counter()
    wrong: Counter[str] = Counter()
    seconds = []
    for picture in pictures:
        looked_at = Picture(pixels=picture.in_light(light))
        began = time.perf_counter()
        detected = detector.detect(looked_at)
        seconds.append(time.perf_counter() - began)
        height, width = picture.pixels.shape[:2]
        boxes = [(one.label, area_of(one.box, (width, height))) for one in detected]
        for group, labels in GROUPS.items():
            areas = [area for label, area in boxes if label in labels]
            known = [one for one in picture.objects if one.group == group]
            objects.update((group, one.size) for one in known)
            found.update((group, one.size) for one in known if any(area.finds(one.area) for area in areas))
            wrong[group] += sum(not any(area.shared(one.area) for one in known) for area in areas)
    return {
        "detector": name,
        "version": provenance(detector),
        "light": light,
        "pictures": len(pictures),
        "milliseconds": round(statistics.median(seconds) * 1000, 1),
        "groups": {group: _counts(group, objects, found, wrong) for group in GROUPS},
    }


def _counts(
    group: str, objects: Counter[tuple[str, str]], found: Counter[tuple[str, str]], wrong: Counter[str]
) -> dict[str, Any]:
    sizes = {size: {"objects": objects[group, size], "found": found[group, size]} for size, _ in SIZES}
    every, hit = (sum(one[what] for one in sizes.values()) for what in ("objects", "found"))
    recall = round(hit / every, 3) if every else None
    return {"objects": every, "found": hit, "recall": recall, "false": wrong[group], "sizes": sizes}


def table(report: Report) -> list[str]:
    """The report in lines for a person."""
    head = ["detector", "light", "group", "recall", *(size for size, _ in SIZES), "false a picture", "ms"]
    rows = [head]
    for entry in report:
        for group, counts in entry["groups"].items():
            if not counts["objects"] and not counts["false"]:
                continue
            recall = "-" if counts["recall"] is None else f"{counts['recall']:.2f}"
            sizes = [f"{one['found']}/{one['objects']}" for one in counts["sizes"].values()]
            wrong = f"{counts['false'] / entry['pictures']:.2f}"
            rows.append(
                [entry["detector"], entry["light"], group, recall, *sizes, wrong, f"{entry['milliseconds']:.0f}"]
            )
    return in_columns(rows)
