"""What the static memory leaves of a video at one picture a second: false people, and objects that it holds back.

A video is a file in the footage folder. Labelled pictures of it are named after the video's scene and their frame
number, such as `square-0126.jpg`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from cameras.media.picture import Picture
from detection.detectors import Detector
from detection.models import Detection
from detection.relevance.decision import Frame, Rules, sightings_in
from detection.relevance.rules import numbers_by_label
from detection.relevance.static_memory import StaticMemory
from tests.judge.pictures import GROUPS, Area, LabelledPicture, area_of, in_columns

Report = list[dict[str, Any]]
SCENES = {"square": "vtest.avi", "road": "car-detection.mp4"}
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Second:
    """The picture of one second of a video, and its labels if it is a labelled one."""

    pixels: NDArray[np.uint8]
    labelled: LabelledPicture | None


@dataclass(slots=True)
class Count:
    """Counts over the labelled pictures of one group."""

    pictures: int = 0
    objects: int = 0
    found: int = 0
    held_back: int = 0
    false: int = 0


def measure(folder: Path, detectors: Sequence[tuple[str, Detector]], labelled: Sequence[LabelledPicture]) -> Report:
    """Return one entry for each video of `folder` with labelled pictures, and each detector."""
    report: Report = []
    for scene, file in SCENES.items():
        by_frame = {one.frame: one for one in labelled if one.scene == scene}
        if by_frame and (folder / file).is_file():
            seconds = list(seconds_of(folder / file, by_frame))
            report += [{"video": file, "detector": name, **measured(one, seconds)} for name, one in detectors]
    return report


def seconds_of(path: Path, labelled: dict[int, LabelledPicture]) -> Iterator[Second]:
    """Yield one picture for each second: the first frame, or the labelled frame in this second."""
    with av.open(str(path)) as container:
        (stream,) = container.streams.video
        rate = round(float(stream.average_rate or 10))
        waiting: Second | None = None
        for number, frame in enumerate(container.decode(stream)):
            if number % rate == 0 and waiting is not None:
                yield waiting
            if number % rate == 0 or number in labelled:
                waiting = Second(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8), labelled.get(number))
        if waiting is not None:
            yield waiting


def measured(detector: Detector, seconds: Sequence[Second]) -> dict[str, Any]:
    """Show the pictures to the detector and to an empty memory, with the rules of the settings.

    The counts before and after the first static object are separate.
    """
    memory, rules = StaticMemory(), site_rules()
    counts = {learned: {group: Count() for group in GROUPS} for learned in (False, True)}
    learned_after: int | None = None
    for number, second in enumerate(seconds):
        frame = Frame(detector.detect(Picture(pixels=second.pixels)))
        sightings = sightings_in([frame], START + timedelta(seconds=number), rules, memory)
        if second.labelled is not None:
            size = second.pixels.shape[1], second.pixels.shape[0]
            boxes = [(one.found.label, area_of(one.found.box, size), str(one.ignored)) for one in sightings]
            for group, count in counts[learned_after is not None].items():
                add(count, second.labelled, group, [box for box in boxes if box[0] in GROUPS[group]])
        if learned_after is None and any(one.ignored == Detection.Ignored.STATIC for one in sightings):
            learned_after = number + 1
    return {
        "pictures": len(seconds),
        "learned_after": learned_after,
        "before": {group: as_dict(count) for group, count in counts[False].items()},
        "after": {group: as_dict(count) for group, count in counts[True].items()},
    }


def add(count: Count, picture: LabelledPicture, group: str, boxes: Sequence[tuple[str, Area, str]]) -> None:
    """Count one labelled picture. An object is held back if every box that finds it is ignored as static."""
    known = [one.area for one in picture.objects if one.group == group]
    counting = [area for _, area, ignored in boxes if not ignored]
    static = [area for _, area, ignored in boxes if ignored == Detection.Ignored.STATIC]
    count.pictures += 1
    count.objects += len(known)
    for one in known:
        if any(area.finds(one) for area in counting):
            count.found += 1
        elif any(area.finds(one) for area in static):
            count.held_back += 1
    count.false += sum(not any(area.shared(one) for one in known) for area in counting)


def as_dict(count: Count) -> dict[str, int]:
    return {name: getattr(count, name) for name in ("pictures", "objects", "found", "held_back", "false")}


def site_rules() -> Rules:
    """Return the rules of a camera without values of its own and without zones."""
    return Rules(
        labels=frozenset(settings.DETECTION_LABELS),
        thresholds=numbers_by_label(settings.DETECTION_THRESHOLDS),
        min_sizes=numbers_by_label(settings.DETECTION_MIN_SIZES),
        max_sizes=numbers_by_label(settings.DETECTION_MAX_SIZES),
        sure=numbers_by_label(settings.DETECTION_SURE_THRESHOLDS),
    )


def table(report: Report) -> list[str]:
    """Return the report in lines for a person. False objects are per labelled picture."""
    if not report:
        return []
    rows = [["video", "detector", "static after", "group", "found", "held back", "false before", "false after"]]
    for entry in report:
        for group in GROUPS:
            before, after = entry["before"][group], entry["after"][group]
            if not before["objects"] + after["objects"] + before["false"] + after["false"]:
                continue
            found, objects = before["found"] + after["found"], before["objects"] + after["objects"]
            rows.append([
                entry["video"], entry["detector"],
                "never" if entry["learned_after"] is None else f"{entry['learned_after']} s", group,
                f"{found}/{objects}", str(before["held_back"] + after["held_back"]), _each(before), _each(after),
            ])  # fmt: skip
    return in_columns(rows)


def _each(count: dict[str, int]) -> str:
    return f"{count['false'] / count['pictures']:.2f}" if count["pictures"] else "-"
