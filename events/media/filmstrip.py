"""The pictures of an event as a film: each one in which something was found, in order, with what was found in it."""

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

MOST_FRAMES = 60
MOST_FOUND = 600  # detections read; a frame may have many


@dataclass(frozen=True, slots=True)
class Found:
    """One detection, as it is drawn: edges in percent of the picture."""

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
        """Whether there is no room for its name above it."""
        return self.top < 8

    @property
    def is_late(self) -> bool:
        """Whether there is no room for its name to the right of its left edge."""
        return self.left > 60


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture, or one frame of a clip. `at` is by the camera's clock, `place` 0 to 100 in the event."""

    number: int
    upload: Upload
    offset_seconds: float | None
    at: datetime
    place: float
    found: tuple[Found, ...]

    @property
    def small(self) -> str:
        return f"{self._address}?size=small"

    @property
    def large(self) -> str:
        return f"{self._address}?size=large"

    @property
    def ratio(self) -> str:
        """Of the picture's sides, as CSS writes it."""
        return f"{self.upload.width or 16} / {self.upload.height or 9}"

    @property
    def words(self) -> str:
        """What is in it, for those who cannot see it."""
        return ", ".join(f"{one.label} {one.percent} %" for one in self.found)

    @property
    def surest(self) -> float:
        return max(one.confidence for one in self.found)

    @property
    def _address(self) -> str:
        return link(f"/api/detections/{self.found[0].pk}/frame")


@dataclass(frozen=True, slots=True)
class Lane:
    """Where in time a label was seen: `seen` has (frame, how surely in percent)."""

    label: str
    colour: str
    seen: tuple[tuple[Frame, int], ...]


@dataclass(frozen=True, slots=True)
class Film:
    frames: tuple[Frame, ...]
    is_cut: bool  # there are more frames than are shown

    @property
    def best(self) -> int:
        """The number of the frame to begin with: with the surest person, else with what was surest."""
        if not self.frames:
            return 0
        return max(self.frames, key=lambda frame: (any(f.label == "person" for f in frame.found), frame.surest)).number

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """By label, the one seen first on top."""
        seen: dict[str, list[tuple[Frame, int]]] = defaultdict(list)
        for frame in self.frames:
            for label in dict.fromkeys(one.label for one in frame.found):
                surest = max(one.percent for one in frame.found if one.label == label)
                seen[label].append((frame, surest))
        return tuple(Lane(label, colour_of(label), tuple(shown)) for label, shown in seen.items())


def film_of(event: Event) -> Film:
    """One query, bounded however much a batch holds."""
    rows = Detection.objects.filter(batch=event.batch_id).select_related("upload")
    rows = rows.order_by("captured_at", "upload", "frame_offset", "-confidence", "id")
    groups: dict[tuple[int, float | None], list[Detection]] = defaultdict(list)
    for row in rows[:MOST_FOUND]:
        groups[row.upload_id, row.frame_offset].append(row)
    shown = list(groups.values())[:MOST_FRAMES]
    return Film(tuple(frames(event, shown)), len(groups) > MOST_FRAMES)


def frames(event: Event, groups: list[list[Detection]]) -> Iterable[Frame]:
    zone = event.camera.zone
    times = [group[0].captured_at for group in groups]
    began, lasted = (times[0], (times[-1] - times[0]).total_seconds()) if times else (event.started_at, 0.0)
    for number, group in enumerate(groups):
        first = group[0]
        after = (first.captured_at - began).total_seconds()
        place = 100 * after / lasted if lasted else 50.0
        found = tuple(found_of(row) for row in sorted(group, key=lambda row: (-row.confidence, row.pk)))
        yield Frame(number, first.upload, first.frame_offset, first.captured_at.astimezone(zone), place, found)


def found_of(row: Detection) -> Found:
    edges = (100 * row.x, 100 * row.y, 100 * min(row.width, 1 - row.x), 100 * min(row.height, 1 - row.y))
    return Found(row.pk, row.label, row.confidence, colour_of(row.label), *(round(edge, 3) for edge in edges))
