"""The filmstrip of an event: the pictures with detections, in order, and the objects over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import mode

from cameras.models import Upload
from detection.models import Detection
from events.media.paths import MOST_POINTS, Path, colour_of_track, name_of
from events.media.snapshot import colour_of, colour_of_object
from events.models import Event
from hsi.http.url_prefix import link

MAX_FRAMES = 60
MAX_DETECTIONS = 600  # maximum number of detections that are read; a frame may have many


@dataclass(frozen=True, slots=True)
class Box:
    """A detection with its edges in percent of the picture."""

    pk: int
    label: str
    track: int | None
    confidence: float
    colour: str
    left: float
    top: float
    width: float
    height: float

    @property
    def name(self) -> str:
        return name_of(self.label, self.track)

    @property
    def percent(self) -> int:
        return round(self.confidence * 100)

    @property
    def is_high(self) -> bool:
        """Whether there is no room for the label above the box."""
        return self.top < 8

    @property
    def is_late(self) -> bool:
        """Whether there is no room for the label to the right of the left edge."""
        return self.left > 60


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture, or a frame of a clip, with the paths of its objects until then.

    `at` is the local time of the camera, `place` the position in the event, 0 to 100.
    """

    number: int
    upload: Upload
    offset_seconds: float | None
    at: datetime
    place: float
    boxes: tuple[Box, ...]
    trails: tuple[Path, ...]

    @property
    def small(self) -> str:
        return f"{self._address}?size=small"

    @property
    def large(self) -> str:
        return f"{self._address}?size=large"

    @property
    def ratio(self) -> str:
        """Return the aspect ratio as CSS."""
        return f"{self.upload.width or 16} / {self.upload.height or 9}"

    @property
    def description(self) -> str:
        """Return the labels as text, for screen readers."""
        return ", ".join(f"{box.name} {box.percent} %" for box in self.boxes)

    @property
    def best_confidence(self) -> float:
        return max(box.confidence for box in self.boxes)

    @property
    def _address(self) -> str:
        return link(f"/api/detections/{self.boxes[0].pk}/frame")


@dataclass(frozen=True, slots=True)
class Row:
    """The frames of an object, or of a label without track: `points` has (frame, best confidence in percent)."""

    name: str
    colour: str
    points: tuple[tuple[Frame, int], ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    frames: tuple[Frame, ...]
    is_cut: bool  # whether frames beyond `MAX_FRAMES` are left out

    @property
    def best(self) -> int:
        """Return the number of the frame with the most confident person, else object."""
        if not self.frames:
            return 0
        return max(
            self.frames, key=lambda frame: (any(box.label == "person" for box in frame.boxes), frame.best_confidence)
        ).number

    @property
    def rows(self) -> tuple[Row, ...]:
        """Return a row per track, and per label of other objects, in the order of their first frames."""
        points: dict[int | str, dict[int, tuple[Frame, int]]] = defaultdict(dict)
        labels: dict[int | str, list[str]] = defaultdict(list)
        for frame in self.frames:
            for box in frame.boxes:  # the most confident first
                points[box.track or box.label].setdefault(frame.number, (frame, box.percent))
                labels[box.track or box.label].append(box.label)
        return tuple(_row(key, mode(labels[key]), tuple(found.values())) for key, found in points.items())


def _row(key: int | str, label: str, points: tuple[tuple[Frame, int], ...]) -> Row:
    if isinstance(key, str):
        return Row(label, colour_of(label), points)
    return Row(name_of(label, key), colour_of_track(key), points)


def timeline_of(event: Event) -> Timeline:
    """Read the filmstrip with one bounded query."""
    rows = Detection.objects.filter(batch__event=event).select_related("upload")
    rows = rows.order_by("captured_at", "upload", "frame_offset", "-confidence", "id")
    groups: dict[tuple[int, float | None], list[Detection]] = defaultdict(list)
    for row in rows[:MAX_DETECTIONS]:
        groups[row.upload_id, row.frame_offset].append(row)
    selection = list(groups.values())[:MAX_FRAMES]
    return Timeline(tuple(frames(event, selection)), len(groups) > MAX_FRAMES)


def frames(event: Event, groups: list[list[Detection]]) -> Iterable[Frame]:
    zone = event.camera.zone
    times = [group[0].captured_at for group in groups]
    began, lasted = (times[0], (times[-1] - times[0]).total_seconds()) if times else (event.started_at, 0.0)
    walked: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
    for number, group in enumerate(groups):
        first = group[0]
        after = (first.captured_at - began).total_seconds()
        place = 100 * after / lasted if lasted else 50.0
        boxes = tuple(box_of(row) for row in sorted(group, key=lambda row: (-row.confidence, row.pk)))
        at = first.captured_at.astimezone(zone)
        yield Frame(number, first.upload, first.frame_offset, at, place, boxes, _trails(group, walked))


def _trails(group: list[Detection], walked: defaultdict[int, list[tuple[float, float]]]) -> tuple[Path, ...]:
    """Add where the objects of a picture stand to `walked`, by track, and return their ways to there."""
    standing = {row.track: (row.x + row.width / 2, min(row.y + row.height, 1.0)) for row in reversed(group)}
    numbers = sorted(number for number in standing if number is not None)
    for number in numbers:
        walked[number].append(standing[number])
    return tuple(Path(number, tuple(walked[number][-MOST_POINTS:])) for number in numbers if len(walked[number]) > 1)


def box_of(row: Detection) -> Box:
    edges = (100 * row.x, 100 * row.y, 100 * min(row.width, 1 - row.x), 100 * min(row.height, 1 - row.y))
    return Box(row.pk, row.label, row.track, row.confidence, colour_of_object(row), *(round(edge, 3) for edge in edges))
