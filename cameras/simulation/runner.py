"""Run simulated cameras: in step with a clock, as a worker loop, or as a load test."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path

from django.conf import settings
from django.utils.timezone import get_default_timezone

from cameras.simulation.backgrounds import BACKGROUNDS
from cameras.simulation.camera import NOTICE_SECONDS, SimulatedCamera
from cameras.simulation.scenario import Scenario
from cameras.simulation.scene import Scene
from cameras.simulation.vendors import VENDORS
from hsi.workers.loop import Loop

DEMO_CAMERAS = 3
DEMO_SEED = 1
UPLOADS_PER_STEP = 1
PICTURES_PER_SCENE = 6


def demo_cameras(
    root: Path, count: int, seed: int, *, zone: tzinfo | None = None, faults: bool = False
) -> list[SimulatedCamera]:
    """Return `count` cameras: front door and driveway by day, garden by night, then `camera_04` and so on.

    `zone` is the cameras' time zone, by default the `TIME_ZONE` setting.
    """
    zone = zone or get_default_timezone()
    return [_demo_camera(root, index, seed, zone, faults=faults) for index in range(count)]


def _demo_camera(root: Path, index: int, seed: int, zone: tzinfo, *, faults: bool) -> SimulatedCamera:
    background = list(BACKGROUNDS)[index % len(BACKGROUNDS)]
    folder = background if index < len(BACKGROUNDS) else f"camera_{index + 1:02d}"
    night = (index % 3 == 2) != ((index // 3) % 2 == 1)
    return SimulatedCamera(
        root,
        folder,
        index + 1,
        VENDORS[index % len(VENDORS)],
        Scene(background, _title(folder), night),
        Scenario(background, f"{seed}/{folder}", first_start=0.8 + 5.5 * index % 40),
        zone,
        repeats=index == 0,
        faults=faults,
    )


def _title(name: str) -> str:
    return name.replace("_", " ").title()


class Simulation:
    """All cameras in step with a clock."""

    def __init__(self, cameras: list[SimulatedCamera], rate: float = 1.0) -> None:
        self.cameras = cameras
        self.rate = rate
        self.uploaded = 0
        self._due: dict[str, datetime] = {}

    def step(self, now: datetime, most: int | None = None) -> float:
        """Upload one file of each camera that is due at `now` (aware), and at most `most` in total.

        Return the seconds until the next one is due. After a pause nothing is caught up: a camera sends what it sees
        now.
        """
        due = [camera for camera in self.cameras if self._due.setdefault(camera.folder, now) <= now]
        for camera in due[:most]:
            camera.upload(now)
            self.uploaded += 1
            self._due[camera.folder] = camera.next_due(now, self.rate)
        return max(0.0, (min(self._due.values()) - now).total_seconds())


class SimulationLoop(Loop):
    """Uploads the pictures of the demo cameras into the camera folders."""

    def __init__(self) -> None:
        super().__init__("simulated-cameras")
        self.simulation = Simulation(demo_cameras(settings.CAMERA_ROOT, DEMO_CAMERAS, DEMO_SEED))

    def step(self) -> float:
        pause_seconds = self.simulation.step(datetime.now(UTC), UPLOADS_PER_STEP)
        self.done = self.simulation.uploaded
        return pause_seconds


def loops() -> list[Loop]:
    """Return the loops of the demo mode."""
    return [SimulationLoop()]


def load_test_uploads(cameras: list[SimulatedCamera], start: datetime, *, duplicates: bool = False) -> Iterator[Path]:
    """Upload as fast as the disk allows, without end: one picture per camera and second of simulated time.

    The time begins at `start` (UTC). Every picture has different bytes. With `duplicates`, only a few pictures differ.
    """
    number = 0
    while True:
        for camera in cameras:
            stamp = start + timedelta(seconds=number // len(cameras))
            pictures = _load_test_pictures(camera.scene.background, camera.scene.night, start)
            data = pictures[number // len(cameras) % len(pictures)]
            if not duplicates:
                data = _with_comment(data, f"{camera.folder} {stamp.isoformat()} {number}")
            yield camera.send(data, stamp, motion=True)
            number += 1


@cache
def _load_test_pictures(background: str, night: bool, at: datetime) -> tuple[bytes, ...]:
    """Draw the first visit, one picture per second, and one picture without actors."""
    scene, scenario = Scene(background, _title(background), night), Scenario(background, "load")
    begin = scenario.first_start + NOTICE_SECONDS
    times = [begin + step for step in range(PICTURES_PER_SCENE - 1)] + [scenario.next_visit(0).end + 1]
    return tuple(scene.jpeg(scenario.actors_at(time), at + timedelta(seconds=time)) for time in times)


def _with_comment(jpeg: bytes, text: str) -> bytes:
    """Insert a comment segment after the start marker: the same picture in different bytes."""
    comment = text.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]
