"""The visits table: how many events the pictures of a situation become.

The pictures pass the real pipeline, from the detected objects to the events. Only the detector is replaced, and the
clock is set. A video is sent in each way in which a camera may send it, with the objects of a real detector.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import av
import numpy as np
from django.conf import settings
from django.test.utils import override_settings

from cameras.media import decoder
from cameras.media.picture import Picture
from cameras.models import Camera
from detection import batching, pipeline
from detection.detectors import Box, DetectedObject, Detector
from detection.relevance.decision import Frame
from events import visits
from events.loops import loops
from events.models import Event
from hsi.db import clock
from hsi.models import QueueJob
from hsi.queues import DETECTION_QUEUE, get_queue
from tests import factories

Report = list[dict[str, Any]]
START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
PERSON = DetectedObject("person", 0.9, Box(0.4, 0.3, 0.1, 0.4))
PARKED_CARS = (
    DetectedObject("car", 0.9, Box(0.1, 0.5, 0.2, 0.2)),
    DetectedObject("car", 0.8, Box(0.6, 0.5, 0.2, 0.2)),
)


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture of `objects`, or a clip with `frames`, taken and arrived so many seconds after `START`."""

    taken: float
    objects: Sequence[DetectedObject] = (PERSON,)
    arrived: float | None = None
    frames: Sequence[Frame] = ()

    @property
    def arrival(self) -> float:
        return self.taken + 1 if self.arrived is None else self.arrived


@dataclass(frozen=True, slots=True)
class Situation:
    """Pictures of one camera, and the numbers of events that they may become."""

    name: str
    shots: Sequence[Shot]
    wanted: frozenset[int]
    place: str = ""


def every(seconds: float, *, until: float, begin: float = 0.0) -> Iterator[Shot]:
    """Return pictures of a walking person."""
    for number in range(int((until - begin) / seconds) + 1):
        taken = begin + number * seconds
        yield Shot(taken, (_walking(taken),))


def _crowd(seconds: float, *, until: float) -> Iterator[Shot]:
    """Return an empty picture, then pictures of 15 people."""
    people = tuple(DetectedObject("person", 0.9 - 0.01 * n, Box(0.06 * n, 0.3, 0.05, 0.4)) for n in range(15))
    yield Shot(0, ())
    for number in range(1, int(until / seconds)):
        yield Shot(number * seconds, people)


def _walking(second: float) -> DetectedObject:
    return DetectedObject("person", 0.9, Box(0.05 + 0.8 * (second * 0.03 % 1.0), 0.3, 0.1, 0.4))


def _late(shots: Iterable[Shot], by: float) -> Iterator[Shot]:
    for shot in shots:
        yield Shot(shot.taken, shot.objects, shot.arrival + by)


def _mixed(shots: Iterable[Shot], *, within: float) -> Iterator[Shot]:
    """Return pictures that arrive in another order, each at most so many seconds late."""
    for number, shot in enumerate(shots):
        yield Shot(shot.taken, shot.objects, shot.arrival + within * (number * 7 % 5) / 4)


ONE, TWO, NONE, ONE_OR_TWO = frozenset({1}), frozenset({2}), frozenset({0}), frozenset({1, 2})
OUT_OF_VIEW_20 = (*every(2, until=30), *every(2, begin=50, until=80))
OUT_OF_VIEW_35 = (*every(2, until=30), *every(2, begin=65, until=95))
TABLE = (
    Situation("a visit of 4 minutes", tuple(every(2, until=240)), ONE),
    Situation("two visits, 2 minutes apart", (*every(2, until=40), *every(2, begin=160, until=200)), TWO),
    Situation("out of view for 20 s", OUT_OF_VIEW_20, ONE),
    Situation("out of view for 20 s, files in another order", tuple(_mixed(OUT_OF_VIEW_20, within=20)), ONE),
    Situation(
        "out of view for 20 s, the second half first",
        (*_late(every(2, until=30), 120), *every(2, begin=50, until=80)),
        ONE,
    ),
    Situation("out of view for 35 s", OUT_OF_VIEW_35, ONE_OR_TWO),
    Situation(
        "two visits, bridged by late pictures",
        (*every(2, until=20), *_late(every(2, begin=22, until=68), 100), *every(2, begin=70, until=90)),
        ONE,
    ),
    Situation("ten pictures a second", tuple(every(0.1, until=30)), ONE),
    Situation("a crowd, four pictures a second", tuple(_crowd(0.25, until=20)), ONE),
    Situation("somebody every 20 s for 10 minutes", tuple(every(20, until=600)), ONE),
    Situation("a street, somebody every 20 s for 10 minutes", tuple(every(20, until=600)), ONE, "street"),
    Situation("a street, somebody every 45 s for 30 minutes", tuple(every(45, until=1800)), TWO, "street"),
    Situation(
        "a yard with parked cars, a picture every 40 s for 30 minutes",
        tuple(Shot(40 * number, PARKED_CARS) for number in range(46)),
        NONE,
    ),
)


def play(situation: Situation) -> list[Event]:
    """Send the pictures of a situation through the pipeline as they arrive. Return the events."""
    camera = factories.camera(place=situation.place)
    for shot in sorted(situation.shots, key=lambda shot: shot.arrival):
        advance(shot.arrival)
        _detect(shot, camera)
    last = max(shot.arrival for shot in situation.shots)
    for seconds in (31, 62, 120, 960):
        advance(last + seconds)
    return list(Event.objects.filter(camera=camera).order_by("started_at"))


def advance(seconds: float) -> None:
    """Do what the loops do until so many seconds after `START`."""
    now = START + timedelta(seconds=seconds)
    with mock.patch.object(clock, "now", return_value=now):
        batching.close_due(now)
        if QueueJob.objects.update(due_at=0):
            for loop in loops():
                loop.run(once=True)
        visits.end_due(now)


def _detect(shot: Shot, camera: Camera) -> None:
    """Store a picture with its objects."""
    taken, arrived = (START + timedelta(seconds=seconds) for seconds in (shot.taken, shot.arrival))
    kind = "video" if shot.frames else "image"
    upload = factories.upload(camera, captured_at=taken, received_at=arrived, state="waiting", kind=kind)
    queue = get_queue(DETECTION_QUEUE)
    queue.put(upload.pk)
    (job,) = queue.take(1, wait_seconds=0, lease_seconds=60)
    with (
        mock.patch.object(clock, "now", return_value=arrived),
        mock.patch.object(pipeline, "look", return_value=list(shot.frames) or [Frame(list(shot.objects))]),
    ):
        pipeline.detect_upload(job)


@override_settings(ANALYZER="rules")
def measure(folder: Path, detectors: Sequence[tuple[str, Detector]]) -> Report:
    """Return the number of events of each situation, and of each video in `folder` by detector and way."""
    every = [*TABLE, *(situation for path in videos(folder) for situation in ways(path, detectors))]
    return [{"situation": one.name, "events": len(play(one)), "wanted": sorted(one.wanted)} for one in every]


def videos(folder: Path) -> list[Path]:
    return [path for path in [folder / "vtest.avi"] if path.is_file()]


def ways(path: Path, detectors: Sequence[tuple[str, Detector]]) -> Iterator[Situation]:
    """Yield the video as stills, ten and one a second, and as a clip, each with the objects that a detector finds."""
    with av.open(str(path)) as container:
        pictures = [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with path.open("rb") as file:
        sampled = list(decoder.sample_frames(
            file, sha256=digest, interval_seconds=settings.VIDEO_FRAME_INTERVAL_SECONDS,
            max_frames=settings.VIDEO_MAX_FRAMES, max_pixels=settings.IMAGE_MAX_PIXELS,
        ))  # fmt: skip
    rate = 10
    for name, detector in detectors:
        found = [detector.detect(Picture(pixels=pixels)) for pixels in pictures]
        for step in (1, rate):
            shots = tuple(Shot(number / rate, objects) for number, objects in enumerate(found) if number % step == 0)
            yield Situation(f"{path.name}, {rate // step} stills a second, {name}", shots, ONE)
        frames = [Frame(detector.detect(Picture(pixels=one.pixels)), one.offset_seconds) for one in sampled]
        clip = Shot(0, arrived=len(pictures) / rate, frames=frames)
        yield Situation(f"{path.name}, a clip, {name}", (clip,), ONE)


def table(report: Report) -> list[str]:
    """Return the report in lines for a person."""
    lines = [f"{'events':8}{'wanted':8}visits"]
    for one in report:
        wanted = " or ".join(map(str, one["wanted"]))
        sign = "" if one["events"] in one["wanted"] else "  <-"
        lines.append(f"{one['events']:<8}{wanted:8}{one['situation']}{sign}")
    return lines
