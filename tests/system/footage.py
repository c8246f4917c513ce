"""People on film: the clip that `HSI_TEST_FOOTAGE` names, else one drawn by the simulated cameras."""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
from PIL import Image

from cameras.simulation.camera import encode_mp4
from cameras.simulation.scenario import Scenario
from cameras.simulation.scene import Scene

DRAWN_FRAMES = 40


def clip(folder: Path) -> Path:
    """A clip with people in most of its frames."""
    if named := os.environ.get("HSI_TEST_FOOTAGE"):
        return Path(named)
    scene, story = Scene("front_door", "Front door", False), Scenario("front_door", "footage", first_start=0.0)
    began = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    path = folder / "drawn.mp4"
    path.write_bytes(
        encode_mp4(
            scene.draw(story.actors_at(1 + number / 8), began + timedelta(seconds=number / 8))
            for number in range(DRAWN_FRAMES)
        )
    )
    return path


def stills(path: Path, count: int) -> list[bytes]:
    """`count` frames of a clip as JPEG files, evenly spaced."""
    with av.open(str(path)) as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
    step = len(frames) / count
    return [_jpeg(frames[int(number * step)]) for number in range(count)]


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
