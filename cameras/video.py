"""Clips: what they are, and the few of their frames that are looked at.

A clip is read through a file object that the caller opened safely, and only by the demuxer that its
first bytes ask for: the demuxers that follow references to other files never see it.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, cast

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from cameras import content, kinds, upright
from cameras.clipstream import Damage, VideoPacket, frames_of, opened, packets_of
from cameras.containers import format_of, is_cut
from cameras.media import (
    BrokenError,
    RenamedError,
    TruncatedError,
    check_pixels,
    checked_size,
)
from cameras.thumbnail import encode_thumbnail, thumbnail_size

# A hostile clip of countless tiny packets is looked at only so far.
_MAX_PACKETS = 2_000_000
# Seeking pays where at least this many groups of pictures lie between two samples.
_SEEK_PAYS_GROUPS = 2
_ANY_SIZE = 1 << 62  # intake has checked it
_TOLERANCE_SECONDS = 0.002  # containers round times to milliseconds
_FALLBACK_RATE = 25.0
# Cameras send at least a frame in this time; a longer average means that the clock jumped in mid-clip.
_LONGEST_FRAME_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip whose first frame can be decoded. `thumbnail` is a JPEG; it, `width` and `height` are upright.

    `duration_seconds` is what the header says, None where it says nothing. `cut`: the file is shorter than
    its own structure says, so it is still arriving, or damaged; what is there can be decoded.
    """

    sha256: str
    size_bytes: int
    width: int
    height: int
    thumbnail: bytes
    duration_seconds: float | None
    cut: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: seconds from the start of the clip, and upright RGB of shape (height, width, 3)."""

    offset_seconds: float
    pixels: NDArray[np.uint8]


def inspect(file: BinaryIO, *, name: str, max_bytes: int, max_pixels: int, thumbnail_width: int = 480) -> Clip:
    """Validate and hash a clip; only its first frame is decoded. Raises a `MediaFaultError`."""
    size_bytes = checked_size(file, max_bytes)
    found = kinds.of(file.read(kinds.HEAD_BYTES), name)
    if found.kind != "video":
        raise RenamedError("the content is no clip")
    container_format = found.demuxer
    cut = is_cut(file, container_format, size_bytes)
    with opened(file, container_format, cut, max_pixels) as (container, stream):
        frame = next(frames_of(container, stream, Damage()), None)
        if frame is None:
            raise (TruncatedError if cut else BrokenError)("no frame can be decoded")
        check_pixels(frame.width, frame.height, max_pixels)
        turn = _turn(frame)
        seen = turn.size((frame.width, frame.height))
        small = thumbnail_size(*seen, thumbnail_width)
        thumbnail = encode_thumbnail(Image.fromarray(_pixels(frame.reformat(*turn.size(small)), turn)), small)
        duration = container.duration / av.time_base if container.duration and container.duration > 0 else None
    return Clip(content.digest(file), size_bytes, *seen, thumbnail, duration, cut)


def _pixels(frame: VideoFrame, turn: upright.Turn) -> NDArray[np.uint8]:
    return turn.pixels(cast(NDArray[np.uint8], frame.to_ndarray(format="rgb24")))


def _turn(frame: VideoFrame) -> upright.Turn:
    """How the frame is to be shown. The decoder hands the matrix of the container, or of the stream, to each frame."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    return upright.AS_STORED if matrix is None else upright.of_matrix(bytes(cast(SideData, matrix)))


class Samples(Iterator[Frame]):
    """The sampled frames of a clip, in order. `damaged` is complete once they have been read to the end.

    Reading raises a `MediaFaultError` when not one frame can be decoded.
    """

    def __init__(self, file: BinaryIO, interval_seconds: float, max_frames: int, max_pixels: int) -> None:
        self._damage = Damage()
        self._frames = self._read(file, interval_seconds, max_frames, max_pixels)

    @property
    def damaged(self) -> bool:
        """Whether some of the clip could not be read, so that its frames are not the whole story."""
        return self._damage.found

    def __next__(self) -> Frame:
        return next(self._frames)

    def close(self) -> None:
        """Stop early."""
        self._frames.close()

    def _read(self, file: BinaryIO, interval_seconds: float, max_frames: int, max_pixels: int) -> Generator[Frame]:
        size_bytes = checked_size(file, _ANY_SIZE)
        container_format = format_of(file)
        cut = self._damage.found = is_cut(file, container_format, size_bytes)
        with opened(file, container_format, cut, max_pixels) as (container, stream):
            timeline = _timeline(container, stream, self._damage)
        step = max(interval_seconds, timeline.span_seconds / max(1, max_frames - 1))
        any_frame = False
        # Opened anew: not every container can be rewound after it was read to its end.
        with opened(file, container_format, cut, max_pixels) as (container, stream):
            for offset, frame in _sampled(container, stream, timeline, step, max_frames, self._damage):
                check_pixels(frame.width, frame.height, max_pixels)
                any_frame = True
                yield Frame(offset, _pixels(frame, _turn(frame)))
        if not any_frame:
            raise (TruncatedError if cut else BrokenError)("no frame can be decoded")


def sample(file: BinaryIO, *, interval_seconds: float, max_frames: int, max_pixels: int) -> Samples:
    """At most `max_frames` frames, `interval_seconds` apart, the first at the start.

    A clip that is longer than that is sampled more sparsely, from its start to its end.
    """
    return Samples(file, interval_seconds, max_frames, max_pixels)


def frame_at(file: BinaryIO, offset_seconds: float, *, max_pixels: int) -> Frame:
    """The frame shown at `offset_seconds`, as `sample` numbers them; past the end, or damaged there, the last one.

    Raises a `MediaFaultError` when not one frame can be decoded.
    """
    size_bytes = checked_size(file, _ANY_SIZE)
    container_format = format_of(file)
    cut = is_cut(file, container_format, size_bytes)
    damage = Damage()
    with opened(file, container_format, cut, max_pixels) as (container, stream):
        timeline = _timeline(container, stream, damage)
    with opened(file, container_format, cut, max_pixels) as (container, stream):
        if timeline.timed and offset_seconds > timeline.group_seconds:
            _seek(container, stream, timeline.start_seconds + offset_seconds)
        last = None
        for last in _timed(container, stream, timeline, damage):
            if last[0] >= offset_seconds - _TOLERANCE_SECONDS:
                break
        if last is None:
            raise (TruncatedError if cut else BrokenError)("no frame can be decoded")
        check_pixels(last[1].width, last[1].height, max_pixels)
        return Frame(max(0.0, last[0]), _pixels(last[1], _turn(last[1])))


@dataclass(frozen=True, slots=True)
class _Timeline:
    """What the packets of the stream say, without decoding one."""

    start_seconds: float
    span_seconds: float
    group_seconds: float  # the longest time between two keyframes
    rate: float  # frames a second, for frames without a time
    timed: bool  # whether the times of the packets can be believed


def _timeline(container: InputContainer, stream: VideoStream, damage: Damage) -> _Timeline:
    """Read every packet, decode none: headers lie about durations, or are silent."""
    count, first, last, keyframe, group = 0, math.inf, -math.inf, math.inf, 0.0
    for packet in packets_of(container, stream, damage):
        count += bool(packet.size)
        seconds = _packet_seconds(packet)
        if seconds is None:
            continue
        first, last = min(first, seconds), max(last, seconds)
        if packet.is_keyframe:
            group, keyframe = max(group, seconds - keyframe), seconds
        if count >= _MAX_PACKETS:
            break
    rate = float(stream.average_rate or _FALLBACK_RATE)
    span = last - first
    if not 0 < span <= count * _LONGEST_FRAME_SECONDS:
        return _Timeline(0.0, max(0, count - 1) / rate, 0.0, rate, timed=False)
    return _Timeline(first, span, max(group, last - keyframe), rate, timed=True)


def _packet_seconds(packet: VideoPacket) -> float | None:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return None if stamp is None or packet.size == 0 else float(stamp * packet.time_base)


def _timed(
    container: InputContainer, stream: VideoStream, timeline: _Timeline, damage: Damage
) -> Iterator[tuple[float, VideoFrame]]:
    """(seconds from the start, frame) from where the container stands."""
    for number, frame in enumerate(frames_of(container, stream, damage)):
        if timeline.timed and frame.pts is not None and frame.time_base is not None:
            yield float(frame.pts * frame.time_base) - timeline.start_seconds, frame
        else:
            yield number / timeline.rate, frame


def _sampled(
    container: InputContainer,
    stream: VideoStream,
    timeline: _Timeline,
    step: float,
    max_frames: int,
    damage: Damage,
) -> Iterator[tuple[float, VideoFrame]]:
    """The first frame at or after each multiple of `step`, up to `max_frames`."""
    jumps = timeline.timed and step >= _SEEK_PAYS_GROUPS * timeline.group_seconds
    frames = _timed(container, stream, timeline, damage)
    last = -math.inf
    for number in range(max_frames):
        target = number * step
        if target > timeline.span_seconds + _TOLERANCE_SECONDS:
            return
        if jumps and number:
            jumps = _seek(container, stream, timeline.start_seconds + target)
            frames = _timed(container, stream, timeline, damage) if jumps else frames
        floor = max(target - _TOLERANCE_SECONDS, last) if number else -math.inf
        found = next(((offset, frame) for offset, frame in frames if offset > floor), None)
        if found is None and not jumps:
            return
        if found is not None:
            last = found[0]
            yield max(0.0, last), found[1]


def _seek(container: InputContainer, stream: VideoStream, seconds: float) -> bool:
    """Go to the keyframe at or before a time of the stream. False where the container cannot."""
    try:
        container.seek(int(seconds / (stream.time_base or Fraction(1, av.time_base))), stream=stream, backward=True)
    except av.error.FFmpegError:
        return False
    return True
