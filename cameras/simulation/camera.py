"""One simulated camera: it uploads when something moves, and now and then when nothing does."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from cameras.simulation.canvas import HEIGHT, WIDTH
from cameras.simulation.scenario import Scenario, Visit
from cameras.simulation.scene import Scene
from cameras.simulation.vendors import Capture, SimulatedVendor

NOTICE_SECONDS = 1.2  # a camera reacts late, when the visitor is in the picture
SCHEDULE_SECONDS = 30.0
CLIP_SECONDS = 4
FRAMES_PER_SECOND = 5
REPEAT_EVERY = 15
FAULT_EVERY = 20


@dataclass(slots=True)
class SimulatedCamera:
    """A camera that uploads into `root/folder`, with the file names of its vendor.

    Its scenario begins at the first upload. If `repeats` is set, every `REPEAT_EVERY`th picture is sent twice under
    two names. If `faults` is set, every `FAULT_EVERY`th picture is truncated.
    """

    root: Path
    folder: str
    number: int
    vendor: SimulatedVendor
    scene: Scene
    scenario: Scenario
    zone: tzinfo
    repeats: bool = False
    faults: bool = False
    started_at: datetime | None = None
    _last_stamp: datetime | None = None
    _picture_count: int = 0
    _last_picture: bytes = b""
    _visit_to_record: Visit | None = None
    _directory: Path = field(init=False)

    def __post_init__(self) -> None:
        self._directory = self.root / self.folder

    def upload(self, at: datetime) -> Path:
        """Upload what the camera has at `at` (aware): a still, or the clip of a visit that has just ended."""
        elapsed = self._elapsed(at)
        visit = self.scenario.visit_at(elapsed)
        if visit is None and self._visit_to_record is not None and self.vendor.clip is not None:
            return self._upload_clip(self.vendor.clip, self._visit_to_record, at)
        self._visit_to_record = visit
        stamp = self._next_stamp(at)
        data = self._last_picture
        if not self._is_repeat():
            data = self.scene.jpeg(self.scenario.actors_at(elapsed), stamp.astimezone(self.zone))
        return self.send(data, stamp, motion=visit is not None)

    def send(self, data: bytes, stamp: datetime, *, motion: bool) -> Path:
        """Upload `data` as a still taken at `stamp` (UTC), or at the next time whose name is free."""
        self._picture_count += 1
        self._last_picture = data
        if self.faults and self._picture_count % FAULT_EVERY == 0:
            data = data[: len(data) // 2]
        path, self._last_stamp = self._free_path(stamp, motion=motion)
        self.vendor.write(path, data)
        return path

    def next_due(self, at: datetime, rate: float) -> datetime:
        """Return when to upload next after an upload at `at`, with `rate` stills per second during a visit."""
        elapsed = self._elapsed(at)
        visit = self.scenario.visit_at(elapsed)
        if visit is not None and elapsed + 1 / rate < visit.end - NOTICE_SECONDS / 2:
            due = max(elapsed + 1 / rate, visit.start + NOTICE_SECONDS)
        elif visit is not None and self.vendor.clip is not None:
            due = visit.end + 1
        else:
            next_visit = self.scenario.next_visit(visit.end if visit else elapsed)
            due = min(elapsed + SCHEDULE_SECONDS, next_visit.start + NOTICE_SECONDS)
        return at + timedelta(seconds=due - elapsed)

    def _elapsed(self, at: datetime) -> float:
        if self.started_at is None:
            self.started_at = at
        return (at - self.started_at).total_seconds()

    def _is_repeat(self) -> bool:
        return self.repeats and bool(self._last_picture) and (self._picture_count + 1) % REPEAT_EVERY == 0

    def _next_stamp(self, at: datetime) -> datetime:
        """Return a time in UTC whose name this camera has not used."""
        stamp = at.astimezone(UTC)
        return stamp if self._last_stamp is None else max(stamp, self._last_stamp + self.vendor.resolution)

    def _free_path(self, stamp: datetime, *, motion: bool) -> tuple[Path, datetime]:
        while True:
            capture = Capture(self.number, self.scene.title, stamp.astimezone(self.zone), motion)
            path = self._directory / self.vendor.still(capture)
            if not path.exists():
                return path, stamp
            stamp += self.vendor.resolution

    def _upload_clip(self, path_for: Callable[[Capture], str], visit: Visit, at: datetime) -> Path:
        self._visit_to_record = None
        began_at = at + timedelta(seconds=visit.start + NOTICE_SECONDS - self._elapsed(at))
        local = began_at.astimezone(self.zone)
        path = self._directory / path_for(Capture(self.number, self.scene.title, local, True))
        self.vendor.write(path, encode_mp4(self._draw_frames(visit.start + NOTICE_SECONDS, local)))
        return path

    def _draw_frames(self, elapsed: float, local: datetime) -> Iterator[Image.Image]:
        for index in range(CLIP_SECONDS * FRAMES_PER_SECOND):
            offset = index / FRAMES_PER_SECOND
            yield self.scene.draw(self.scenario.actors_at(elapsed + offset), local + timedelta(seconds=offset))


def encode_mp4(frames: Iterable[Image.Image]) -> bytes:
    """Return an H.264 clip in MP4 with `FRAMES_PER_SECOND`."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options={"preset": "veryfast", "crf": "24"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = Fraction(1, FRAMES_PER_SECOND)
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(frame))))
        container.mux(stream.encode(None))
    return buffer.getvalue()
