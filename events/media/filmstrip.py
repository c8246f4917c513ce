"""The filmstrip of an event: the pictures with detections, in order, and a track over time for each label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cameras.models import Upload
from detection.models import Detection
from events.media.snapshot import colour_of
from events.models import Event
from hsi.http.url_prefix import link

MAX_FRAMES = 60
MAX_DETECTIONS = 600  # maximum number of detections that are read; a frame may have many


@dataclass(frozen=True, slots=True)
class Box:
    """A detection with its edges in percent of the picture."""

    pk: int
    label: str
    confidence: float
    colour: str
    left: float
    top: float
    width: float
    height: float

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
    """A picture, or a frame of a clip.

    `at` is the local time of the camera, `place` the position in the event, 0 to 100.
    """

    number: int
    upload: Upload
    offset_seconds: float | None
    at: datetime
    place: float
    boxes: tuple[Box, ...]

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
        return ", ".join(f"{box.label} {box.percent} %" for box in self.boxes)

    @property
    def best_confidence(self) -> float:
        return max(box.confidence for box in self.boxes)

    @property
    def _address(self) -> str:
        return link(f"/api/detections/{self.boxes[0].pk}/frame")


@dataclass(frozen=True, slots=True)
class Track:
    """The frames of a label: `points` has (frame, best confidence in percent)."""

    label: str
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
    def tracks(self) -> tuple[Track, ...]:
        """Return a track per label, in the order of their first frames."""
        tracks: dict[str, list[tuple[Frame, int]]] = defaultdict(list)
        for frame in self.frames:
            for label in dict.fromkeys(box.label for box in frame.boxes):
                best = max(box.percent for box in frame.boxes if box.label == label)
                tracks[label].append((frame, best))
        return tuple(Track(label, colour_of(label), tuple(points)) for label, points in tracks.items())


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
    for number, group in enumerate(groups):
        first = group[0]
        after = (first.captured_at - began).total_seconds()
        place = 100 * after / lasted if lasted else 50.0
        boxes = tuple(box_of(row) for row in sorted(group, key=lambda row: (-row.confidence, row.pk)))
        yield Frame(number, first.upload, first.frame_offset, first.captured_at.astimezone(zone), place, boxes)


def box_of(row: Detection) -> Box:
    edges = (100 * row.x, 100 * row.y, 100 * min(row.width, 1 - row.x), 100 * min(row.height, 1 - row.y))
    return Box(row.pk, row.label, row.confidence, colour_of(row.label), *(round(edge, 3) for edge in edges))
