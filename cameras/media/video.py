"""Clips: what they are, and the few of their frames that are looked at.

A clip is read through a file object that the caller opened safely, and only by the demuxer that its
first bytes ask for: the demuxers that follow references to other files never see it.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
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

from cameras.files import content
from cameras.media import file_types, moments, orientation
from cameras.media.clip_stream import Damage, VideoPacket, frames_of, opened, packets_of
from cameras.media.containers import format_of, is_cut
from cameras.media.formats import BrokenError, RenamedError, TruncatedError, check_pixels, checked_size
from cameras.media.shrink import encode_thumbnail, thumbnail_size

# A hostile clip of countless tiny packets is looked at only so far.
_MAX_PACKETS = 2_000_000
# Seeking pays where at least this many groups of pictures lie between two samples.
_SEEK_PAYS_GROUPS = 2
_ANY_SIZE = 1 << 62  # intake has checked it
_TOLERANCE_SECONDS = 0.002  # containers round times to milliseconds
_FALLBACK_RATE = 25.0
_STILL_BYTES = 200  # of a frame in which nothing moves
# Their demuxers search by the times of packets, and may stop at one after the last keyframe.
_WITHOUT_INDEX = ("mpegts", "mpeg", "flv", "asf")
_LATE_SECONDS = 0.5
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
    """One frame: seconds from the start of the clip, and upright RGB of shape (height, width, 3).

    `every_seconds` is the mean time between the frames that are looked at, where that is more than was asked for.
    """

    offset_seconds: float
    pixels: NDArray[np.uint8]
    every_seconds: float = 0.0


def inspect(file: BinaryIO, *, name: str, max_bytes: int, max_pixels: int, thumbnail_width: int = 480) -> Clip:
    """Validate and hash a clip; only its first frame is decoded. Raises a `MediaFaultError`."""
    size_bytes = checked_size(file, max_bytes)
    found = file_types.of(file.read(file_types.HEAD_BYTES), name)
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


def _pixels(frame: VideoFrame, turn: orientation.Turn) -> NDArray[np.uint8]:
    return turn.pixels(cast(NDArray[np.uint8], frame.to_ndarray(format="rgb24")))


def _turn(frame: VideoFrame) -> orientation.Turn:
    """How the frame is to be shown. The decoder hands the matrix of the container, or of the stream, to each frame."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    return orientation.AS_STORED if matrix is None else orientation.of_matrix(bytes(cast(SideData, matrix)))


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
        every_seconds = timeline.span_seconds / max(1, max_frames - 1)
        is_sparse = every_seconds > interval_seconds + _TOLERANCE_SECONDS
        targets = _sparse(timeline, interval_seconds, max_frames) if is_sparse else _all(timeline, interval_seconds)
        any_frame = False
        # Opened anew: not every container can be rewound after it was read to its end.
        with opened(file, container_format, cut, max_pixels) as (container, stream):
            for offset, frame in _sampled(container, stream, timeline, targets, self._damage):
                check_pixels(frame.width, frame.height, max_pixels)
                any_frame = True
                yield Frame(offset, _pixels(frame, _turn(frame)), every_seconds if is_sparse else 0.0)
        if not any_frame:
            raise (TruncatedError if cut else BrokenError)("no frame can be decoded")


def sample(file: BinaryIO, *, interval_seconds: float, max_frames: int, max_pixels: int) -> Samples:
    """At most `max_frames` frames, `interval_seconds` apart, the first at the start.

    Of a clip that is longer than that, those frames are taken where most changes, and some everywhere.
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
            _seek(container, stream, timeline, offset_seconds)
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
    # Of each packet that has a time, or of all where times cannot be believed: seconds from the start, and bytes,
    # which are negative where it is a keyframe.
    packets: list[tuple[float, int]] = field(repr=False)


def _timeline(container: InputContainer, stream: VideoStream, damage: Damage) -> _Timeline:
    """Read every packet, decode none: headers lie about durations, or are silent."""
    times, sizes = array("d"), array("q")
    keyframe, group = math.inf, 0.0
    for packet in packets_of(container, stream, damage):
        if not packet.size:
            continue
        seconds = _packet_seconds(packet)
        times.append(math.nan if seconds is None else seconds)
        sizes.append(-packet.size if packet.is_keyframe else packet.size)
        if seconds is not None and packet.is_keyframe:
            group, keyframe = max(group, seconds - keyframe), seconds
        if len(times) >= _MAX_PACKETS:
            break
    known = [(seconds, size) for seconds, size in zip(times, sizes, strict=True) if not math.isnan(seconds)]
    first = min((seconds for seconds, _ in known), default=0.0)
    last = max((seconds for seconds, _ in known), default=0.0)
    rate, span = float(stream.average_rate or _FALLBACK_RATE), last - first
    if not 0 < span <= len(times) * _LONGEST_FRAME_SECONDS:
        numbered = [(number / rate, size) for number, size in enumerate(sizes)]
        return _Timeline(0.0, max(0, len(sizes) - 1) / rate, 0.0, rate, timed=False, packets=numbered)
    shown = [(seconds - first, size) for seconds, size in known]
    return _Timeline(first, span, max(group, last - keyframe), rate, timed=True, packets=shown)


def _all(timeline: _Timeline, interval_seconds: float) -> list[float]:
    count = int((timeline.span_seconds + _TOLERANCE_SECONDS) / interval_seconds) + 1
    return [interval_seconds * number for number in range(count)]


def _sparse(timeline: _Timeline, interval_seconds: float, max_frames: int) -> list[float]:
    """Where the packets are larger than usual, something moves: no frame is decoded to find that out."""
    return moments.choose(
        _activity(timeline.packets), span_seconds=timeline.span_seconds, count=max_frames,
        spacing_seconds=interval_seconds,
    )  # fmt: skip


def _activity(packets: list[tuple[float, int]]) -> list[tuple[float, float]]:
    """What a frame adds to those before it: its bytes, or where each stands alone, the change of its bytes."""
    between = [(offset, size) for offset, size in packets if size > 0]
    if 2 * len(between) < len(packets):
        between = [(after[0], abs(abs(after[1]) - abs(before[1]))) for before, after in pairwise(packets)]
    return [(offset, float(max(0, size - _STILL_BYTES))) for offset, size in between]


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
    container: InputContainer, stream: VideoStream, timeline: _Timeline, targets: list[float], damage: Damage
) -> Iterator[tuple[float, VideoFrame]]:
    """The first frame at or after each of `targets`, which begin with 0."""
    frames = _timed(container, stream, timeline, damage)
    can_seek, last = timeline.timed, -math.inf
    for target in targets:
        jumps = can_seek and target - max(last, 0.0) >= _SEEK_PAYS_GROUPS * timeline.group_seconds and target > 0
        if jumps:
            can_seek = jumps = _seek(container, stream, timeline, target)
            frames = _timed(container, stream, timeline, damage) if jumps else frames
        floor = max(target - _TOLERANCE_SECONDS, last) if target > 0 else -math.inf
        found = next(((offset, frame) for offset, frame in frames if offset > floor), None)
        if found is None and not jumps:
            return
        if found is not None:
            last = found[0]
            yield max(0.0, last), found[1]


def _seek(container: InputContainer, stream: VideoStream, timeline: _Timeline, offset_seconds: float) -> bool:
    """Go to a keyframe at or before an offset. False where the container cannot."""
    if container.format.name in _WITHOUT_INDEX:
        offset_seconds = max(0.0, offset_seconds - timeline.group_seconds - _LATE_SECONDS)
    seconds = timeline.start_seconds + offset_seconds
    try:
        container.seek(int(seconds / (stream.time_base or Fraction(1, av.time_base))), stream=stream, backward=True)
    except av.error.FFmpegError:
        return False
    return True
