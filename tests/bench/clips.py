"""Processor seconds to choose and read the analysed frames of a long clip, against decoding every frame once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import av
from django.conf import settings

from cameras.media import video
from tests import files
from tests.bench.figure import Figure, compared

SIZE, SECONDS, RATE, ROUNDS = (1280, 720), 120, 10, 3
VISIT = (70.0, 18.0)


def figures() -> Iterator[Figure]:
    """A clip with key frames as cameras send them, and one that has to be decoded as a whole to look for motion.

    Both are drawn, and cheap to decode. The ratio is lower with clips of real cameras.
    """
    yield measured("a key frame every 2 s", group=2 * RATE, at_most=1.5)
    yield measured("a key frame every 10 s", group=10 * RATE, at_most=3.5)


def measured(name: str, *, group: int, at_most: float) -> Figure:
    clip = files.recording(
        settings.DATA_DIR / f"{group}.mp4", visits=[VISIT], seconds=SECONDS, rate=RATE, size=SIZE, group=group
    )
    return compared(
        f"720p clip of {SECONDS // 60} min, {name}: motion and frames", "s",
        lambda: sampled(clip), lambda: decoded(clip),
        rounds=ROUNDS, at_most=at_most,
    )  # fmt: skip


def sampled(clip: Path) -> float:
    """Processor seconds in which the frames are sampled. Some of them show the visit."""
    began = time.process_time()
    with clip.open("rb") as file:
        frames = video.sample_frames(file, interval_seconds=2.0, max_frames=30, max_pixels=settings.IMAGE_MAX_PIXELS)
        offsets = [frame.offset_seconds for frame in frames]
    took = time.process_time() - began
    assert sum(VISIT[0] <= offset < sum(VISIT) for offset in offsets) >= 3
    return took


def decoded(clip: Path) -> float:
    """Processor seconds in which one thread decodes every frame."""
    began = time.process_time()
    with av.open(str(clip)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        count = sum(1 for _ in container.decode(video=0))
    assert count == SECONDS * RATE
    return time.process_time() - began
