"""Uploads as fast as the disk takes them, from a few pictures drawn beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from cameras.simulation.camera import NOTICE_SECONDS, SimulatedCamera
from cameras.simulation.scenario import Story
from cameras.simulation.scene import Scene

PICTURES_PER_SCENE = 6


def uploads(cameras: list[SimulatedCamera], start: datetime, *, duplicates: bool = False) -> Iterator[Path]:
    """Upload one picture per camera and second of made-up time from `start` (UTC) on, without end.

    Every picture differs from every other in its bytes; with `duplicates` only a few ever do.
    """
    number = 0
    while True:
        for camera in cameras:
            stamp = start + timedelta(seconds=number // len(cameras))
            pictures = _pictures(camera.scene.place, camera.scene.night, start)
            data = pictures[number // len(cameras) % len(pictures)]
            if not duplicates:
                data = _with_comment(data, f"{camera.folder} {stamp.isoformat()} {number}")
            yield camera.send(data, stamp, motion=True)
            number += 1


@cache
def _pictures(place: str, night: bool, at: datetime) -> tuple[bytes, ...]:
    """The first visit of a story at `place`, a second apart, and one empty picture."""
    scene, story = Scene(place, place.replace("_", " ").title(), night), Story(place, "load")
    begin = story.first_start + NOTICE_SECONDS
    times = [begin + step for step in range(PICTURES_PER_SCENE - 1)] + [story.next_visit(0).end + 1]
    return tuple(scene.jpeg(story.frame(time), at + timedelta(seconds=time)) for time in times)


def _with_comment(jpeg: bytes, text: str) -> bytes:
    """`jpeg` with a comment segment after its start marker: the same picture in other bytes."""
    comment = text.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]
