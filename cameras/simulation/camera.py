"""Drawn cameras that upload when something moves, and now and then when nothing does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

from django.utils.timezone import get_default_timezone
from PIL import Image

from cameras.simulation.backgrounds import PLACES
from cameras.simulation.clip import FRAMES_PER_SECOND, mp4
from cameras.simulation.scenario import Story, Visit
from cameras.simulation.scene import Scene
from cameras.simulation.vendors import MAKES, Capture, Make

# A camera takes a moment to notice; by then the visitor is in the picture.
NOTICE_SECONDS = 1.2
SCHEDULE_SECONDS = 30.0
CLIP_SECONDS = 4
REPEAT_EVERY = 15
FAULT_EVERY = 20


@dataclass(slots=True)
class SimulatedCamera:
    """One camera that uploads into `root/folder`, in the layout of its make.

    Its story begins at the first upload. Every `REPEAT_EVERY`th picture of a camera that `repeats` is sent
    twice under two names; every `FAULT_EVERY`th of one with `faults` arrives cut off in the middle.
    """

    root: Path
    folder: str
    number: int
    make: Make
    scene: Scene
    story: Story
    zone: tzinfo
    repeats: bool = False
    faults: bool = False
    started_at: datetime | None = None
    _stamp: datetime | None = None
    _pictures: int = 0
    _last: bytes = b""
    _to_record: Visit | None = None
    _directory: Path = field(init=False)

    def __post_init__(self) -> None:
        self._directory = self.root / self.folder

    def upload(self, at: datetime) -> Path:
        """Upload what the camera has at `at` (aware): a still, or the clip of a visit that has just ended."""
        elapsed = self._elapsed(at)
        visit = self.story.visit_at(elapsed)
        if visit is None and self._to_record is not None and self.make.clip is not None:
            return self._upload_clip(self.make.clip, self._to_record, at)
        self._to_record = visit
        stamp = self._next_stamp(at)
        data = self._last
        if not self._is_repeat():
            data = self.scene.jpeg(self.story.frame(elapsed), stamp.astimezone(self.zone))
        return self.send(data, stamp, motion=visit is not None)

    def send(self, data: bytes, stamp: datetime, *, motion: bool) -> Path:
        """Upload `data` as a still taken at `stamp` (UTC), or as soon after as its name is free."""
        self._pictures += 1
        self._last = data
        if self.faults and self._pictures % FAULT_EVERY == 0:
            data = data[: len(data) // 2]
        path, self._stamp = self._free_path(stamp, motion=motion)
        self.make.write(path, data)
        return path

    def next_due(self, at: datetime, rate: float) -> datetime:
        """When to upload next, after an upload at `at`, with `rate` stills a second while something moves."""
        elapsed = self._elapsed(at)
        visit = self.story.visit_at(elapsed)
        if visit is not None and elapsed + 1 / rate < visit.end - NOTICE_SECONDS / 2:
            due = max(elapsed + 1 / rate, visit.start + NOTICE_SECONDS)
        elif visit is not None and self.make.clip is not None:
            due = visit.end + 1
        else:
            following = self.story.next_visit(visit.end if visit else elapsed)
            due = min(elapsed + SCHEDULE_SECONDS, following.start + NOTICE_SECONDS)
        return at + timedelta(seconds=due - elapsed)

    def _elapsed(self, at: datetime) -> float:
        if self.started_at is None:
            self.started_at = at
        return (at - self.started_at).total_seconds()

    def _is_repeat(self) -> bool:
        return self.repeats and bool(self._last) and (self._pictures + 1) % REPEAT_EVERY == 0

    def _next_stamp(self, at: datetime) -> datetime:
        """The time for a name, in UTC: never one that this camera has used."""
        moment = at.astimezone(UTC)
        return moment if self._stamp is None else max(moment, self._stamp + self.make.resolution)

    def _free_path(self, stamp: datetime, *, motion: bool) -> tuple[Path, datetime]:
        while True:
            capture = Capture(self.number, self.scene.title, stamp.astimezone(self.zone), motion)
            path = self._directory / self.make.still(capture)
            if not path.exists():
                return path, stamp
            stamp += self.make.resolution

    def _upload_clip(self, named: Callable[[Capture], str], visit: Visit, at: datetime) -> Path:
        self._to_record = None
        begin = at + timedelta(seconds=visit.start + NOTICE_SECONDS - self._elapsed(at))
        local = begin.astimezone(self.zone)
        path = self._directory / named(Capture(self.number, self.scene.title, local, True))
        self.make.write(path, mp4(self._frames(visit.start + NOTICE_SECONDS, local)))
        return path

    def _frames(self, elapsed: float, local: datetime) -> Iterator[Image.Image]:
        for index in range(CLIP_SECONDS * FRAMES_PER_SECOND):
            later = index / FRAMES_PER_SECOND
            yield self.scene.draw(self.story.frame(elapsed + later), local + timedelta(seconds=later))


def demo_cameras(
    root: Path, count: int, seed: int, *, zone: tzinfo | None = None, faults: bool = False
) -> list[SimulatedCamera]:
    """`count` cameras: front door and driveway by day, garden by night, then `camera_04` and so on in turn.

    `zone` is the cameras' own time, the `TIME_ZONE` setting unless given.
    """
    zone = zone or get_default_timezone()
    return [_camera(root, index, seed, zone, faults=faults) for index in range(count)]


def _camera(root: Path, index: int, seed: int, zone: tzinfo, *, faults: bool) -> SimulatedCamera:
    place = list(PLACES)[index % len(PLACES)]
    folder = place if index < len(PLACES) else f"camera_{index + 1:02d}"
    night = (index % 3 == 2) != ((index // 3) % 2 == 1)
    return SimulatedCamera(
        root,
        folder,
        index + 1,
        MAKES[index % len(MAKES)],
        Scene(place, folder.replace("_", " ").title(), night),
        Story(place, f"{seed}/{folder}", first_start=0.8 + 5.5 * index % 40),
        zone,
        repeats=index == 0,
        faults=faults,
    )


class Simulation:
    """All cameras in step with a clock: `step` uploads what is due and says how long nothing will be."""

    def __init__(self, cameras: list[SimulatedCamera], rate: float = 1.0) -> None:
        self.cameras = cameras
        self.rate = rate
        self.uploaded = 0
        self._due: dict[str, datetime] = {}

    def step(self, now: datetime, most: int | None = None) -> float:
        """Upload, for each camera that is due at `now` (aware), one file, and no more than `most` in all.

        Returns the seconds until the next is due. After a standstill nothing is made up for: a camera sends
        what it sees now.
        """
        due = [camera for camera in self.cameras if self._due.setdefault(camera.folder, now) <= now]
        for camera in due[:most]:
            camera.upload(now)
            self.uploaded += 1
            self._due[camera.folder] = camera.next_due(now, self.rate)
        return max(0.0, (min(self._due.values()) - now).total_seconds())
