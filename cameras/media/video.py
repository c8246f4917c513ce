"""Clips: their properties, and the frames that are analysed.

A clip is read through a file object that the caller has opened safely, and only by the demuxer for its first bytes. The
demuxers that follow references to other files never read it.
"""

from __future__ import annotations

import contextlib
import math
import time
from array import array
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, cast

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from cameras.files import content
from cameras.media import file_types
from cameras.media.clip_stream import Damage, VideoPacket, every_packet, open_clip, read_frames, read_packets
from cameras.media.containers import format_of, is_truncated
from cameras.media.formats import BrokenError, MediaFaultError, RenamedError, TruncatedError, check_pixels, checked_size
from cameras.media.frame_selection import Choice, Sampling, choose_frames
from cameras.media.motion import MotionMeter, comparison_size
from cameras.media.transforms import (
    AS_STORED,
    Orientation,
    encode_thumbnail,
    orientation_from_matrix,
    thumbnail_size,
)

# Limits the work for a hostile clip of countless tiny packets.
_MAX_PACKETS = 2_000_000
# Seeking is faster if at least this many groups of pictures lie between two samples.
_SEEK_PAYS_GROUPS = 2
_ANY_SIZE = 1 << 62  # intake has checked the size
_TOLERANCE_SECONDS = 0.002  # containers round times to milliseconds
_FALLBACK_RATE = 25.0
# Motion is looked for twice per interval of the analysed frames, but in at most this many frames.
_COMPARISONS_PER_INTERVAL, _MAX_COMPARISONS = 2, 3600
# Key frames alone are decoded for that if they come as often as this many intervals, or if all frames together have
# more pixels than this. That many pixels take about 25 s to decode.
_KEY_FRAME_INTERVALS, _MAX_COMPARED_PIXELS = 2, 10_000_000_000
_MAX_COMPARISON_SECONDS = 300.0  # of processor time, for a hostile clip
# Their demuxers seek by the times of packets, and may stop after the last key frame.
_WITHOUT_INDEX = ("mpegts", "mpeg", "flv", "asf")
_SEEK_MARGIN_SECONDS = 0.5
# Cameras send at least one frame in this time. A longer average means that the clock jumped in mid-clip.
_MAX_FRAME_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """A clip whose first frame can be decoded. `thumbnail` is a JPEG; it, `width` and `height` are upright.

    `duration_seconds` comes from the header, and is None if the header has none. `truncated`: the file is shorter than
    its structure declares, so it is still arriving, or damaged. What is there can be decoded.
    """

    sha256: str
    size_bytes: int
    width: int
    height: int
    thumbnail: bytes
    duration_seconds: float | None
    truncated: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: seconds from the start of the clip, and upright RGB of shape (height, width, 3).

    `sampling` is None if the clip is sampled at the interval that was requested. `in_motion`: the frame was chosen from
    a period of motion.
    """

    offset_seconds: float
    pixels: NDArray[np.uint8]
    sampling: Sampling | None = None
    in_motion: bool = False


def inspect_clip(file: BinaryIO, *, name: str, max_bytes: int, max_pixels: int, thumbnail_width: int = 480) -> ClipInfo:
    """Validate and hash a clip. Decode only its first frame. Raise a `MediaFaultError`."""
    size_bytes = checked_size(file, max_bytes)
    file_type = file_types.identify(file.read(file_types.HEAD_BYTES), name)
    if file_type.kind != "video":
        raise RenamedError("the content is not a clip")
    container_format = file_type.demuxer
    truncated = is_truncated(file, container_format, size_bytes)
    with open_clip(file, container_format, truncated, max_pixels) as (container, stream):
        frame = next(read_frames(container, stream, Damage()), None)
        if frame is None:
            raise (TruncatedError if truncated else BrokenError)("no frame can be decoded")
        check_pixels(frame.width, frame.height, max_pixels)
        orientation = _orientation(frame)
        size = orientation.apply_to_size((frame.width, frame.height))
        small = thumbnail_size(*size, thumbnail_width)
        small_frame = frame.reformat(*orientation.apply_to_size(small))
        thumbnail = encode_thumbnail(Image.fromarray(_upright_pixels(small_frame, orientation)), small)
        duration = container.duration / av.time_base if container.duration and container.duration > 0 else None
    return ClipInfo(content.digest(file), size_bytes, *size, thumbnail, duration, truncated)


def _upright_pixels(frame: VideoFrame, orientation: Orientation) -> NDArray[np.uint8]:
    return orientation.apply_to_pixels(cast(NDArray[np.uint8], frame.to_ndarray(format="rgb24")))


def _orientation(frame: VideoFrame) -> Orientation:
    """Return how to turn the frame. The decoder attaches the matrix of the container or stream to each frame."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    return AS_STORED if matrix is None else orientation_from_matrix(bytes(cast(SideData, matrix)))


class Samples(Iterator[Frame]):
    """The sampled frames of a clip, in order. `damaged` is final after the last frame.

    Reading raises a `MediaFaultError` if no frame can be decoded.
    """

    def __init__(self, file: BinaryIO, interval_seconds: float, max_frames: int, max_pixels: int) -> None:
        self._damage = Damage()
        self._steps = self._read(file, interval_seconds, max_frames, max_pixels)

    @property
    def damaged(self) -> bool:
        """Whether a part of the clip could not be read, so that frames are missing."""
        return self._damage.found

    def __next__(self) -> Frame:
        return next(frame for frame in self._steps if frame is not None)

    def steps(self) -> Generator[Frame | None]:
        """Return the frames, and None after each part of the work before the first one."""
        return self._steps

    def close(self) -> None:
        """Stop early."""
        self._steps.close()

    def _read(
        self, file: BinaryIO, interval_seconds: float, max_frames: int, max_pixels: int
    ) -> Generator[Frame | None]:
        size_bytes = checked_size(file, _ANY_SIZE)
        container_format = format_of(file)
        truncated = self._damage.found = is_truncated(file, container_format, size_bytes)
        with open_clip(file, container_format, truncated, max_pixels) as (container, stream):
            timeline = _timeline(container, stream, self._damage)
        mean_interval = timeline.span_seconds / max(1, max_frames - 1)
        sampling, choice = None, Choice(_all_targets(timeline, interval_seconds))
        if mean_interval > interval_seconds + _TOLERANCE_SECONDS:
            meter = MotionMeter()
            with (
                contextlib.suppress(MediaFaultError),  # the frames that can be decoded are analysed
                open_clip(file, container_format, truncated, max_pixels) as (container, stream),
            ):
                yield from _measure_motion(container, stream, timeline, interval_seconds, meter)
            choice = choose_frames(
                meter.amounts(), span_seconds=timeline.span_seconds, count=max_frames, spacing_seconds=interval_seconds
            )
            sampling = Sampling(mean_interval, choice.compared, len(choice.periods), choice.missed)
        any_frame = False
        # Open the file again: not every container can be rewound after it was read to its end.
        with open_clip(file, container_format, truncated, max_pixels) as (container, stream):
            for offset, frame in _frames_at(container, stream, timeline, choice.offsets, self._damage):
                check_pixels(frame.width, frame.height, max_pixels)
                any_frame = True
                yield Frame(offset, _upright_pixels(frame, _orientation(frame)), sampling, choice.in_motion(offset))
        if not any_frame:
            raise (TruncatedError if truncated else BrokenError)("no frame can be decoded")


def sample_frames(file: BinaryIO, *, interval_seconds: float, max_frames: int, max_pixels: int) -> Samples:
    """Return at most `max_frames` frames, `interval_seconds` apart, the first at the start.

    Of a longer clip, most frames are taken where something moves, and some everywhere.
    """
    return Samples(file, interval_seconds, max_frames, max_pixels)


def frame_at(file: BinaryIO, offset_seconds: float, *, max_pixels: int) -> Frame:
    """Return the frame shown at `offset_seconds`. Past the end, or if it is damaged, return the last one before.

    Offsets count as in `sample_frames`. Raise a `MediaFaultError` if no frame can be decoded.
    """
    size_bytes = checked_size(file, _ANY_SIZE)
    container_format = format_of(file)
    truncated = is_truncated(file, container_format, size_bytes)
    damage = Damage()
    with open_clip(file, container_format, truncated, max_pixels) as (container, stream):
        timeline = _timeline(container, stream, damage)
    with open_clip(file, container_format, truncated, max_pixels) as (container, stream):
        if timeline.timed and offset_seconds > timeline.group_seconds:
            _seek(container, stream, timeline, offset_seconds)
        last = None
        for last in _timed_frames(container, stream, timeline, damage):
            if last[0] >= offset_seconds - _TOLERANCE_SECONDS:
                break
        if last is None:
            raise (TruncatedError if truncated else BrokenError)("no frame can be decoded")
        check_pixels(last[1].width, last[1].height, max_pixels)
        return Frame(max(0.0, last[0]), _upright_pixels(last[1], _orientation(last[1])))


@dataclass(frozen=True, slots=True)
class _Timeline:
    """What the packets of the stream say without decoding."""

    start_seconds: float
    span_seconds: float
    group_seconds: float  # longest time between two key frames
    rate: float  # frames per second, for frames without a time
    timed: bool  # whether the times of the packets are plausible
    frame_count: int


def _timeline(container: InputContainer, stream: VideoStream, damage: Damage) -> _Timeline:
    """Read every packet without decoding, because headers may lack the duration or have a wrong one."""
    times = array("d")
    frame_count, keyframe, group = 0, math.inf, 0.0
    for packet in read_packets(container, stream, damage):
        if not packet.size:
            continue
        frame_count += 1
        seconds = _packet_seconds(packet)
        if seconds is not None:
            times.append(seconds)
            if packet.is_keyframe:
                group, keyframe = max(group, seconds - keyframe), seconds
        if frame_count >= _MAX_PACKETS:
            break
    first, last = min(times, default=0.0), max(times, default=0.0)
    rate, span = float(stream.average_rate or _FALLBACK_RATE), last - first
    if not 0 < span <= frame_count * _MAX_FRAME_SECONDS:
        return _Timeline(0.0, max(0, frame_count - 1) / rate, 0.0, rate, timed=False, frame_count=frame_count)
    return _Timeline(first, span, max(group, last - keyframe), rate, timed=True, frame_count=frame_count)


def _all_targets(timeline: _Timeline, interval_seconds: float) -> list[float]:
    count = int((timeline.span_seconds + _TOLERANCE_SECONDS) / interval_seconds) + 1
    return [interval_seconds * number for number in range(count)]


def _measure_motion(
    container: InputContainer, stream: VideoStream, timeline: _Timeline, interval_seconds: float, meter: MotionMeter
) -> Iterator[None]:
    """Give small frames of the clip to `meter`. Yield after each decoded frame."""
    step = max(interval_seconds / _COMPARISONS_PER_INTERVAL, timeline.span_seconds / _MAX_COMPARISONS)
    step -= _TOLERANCE_SECONDS
    pixels = timeline.frame_count * stream.codec_context.width * stream.codec_context.height
    only_keys = timeline.timed and timeline.group_seconds <= _KEY_FRAME_INTERVALS * interval_seconds
    if pixels > _MAX_COMPARED_PIXELS and not only_keys:
        if not timeline.timed:
            return
        only_keys = True
    is_wanted = _KeyFrames(step) if only_keys else every_packet
    reformatter, size, due = VideoReformatter(), None, -math.inf
    began = time.process_time()
    for offset, frame in _timed_frames(container, stream, timeline, Damage(), is_wanted):
        if offset >= due and not frame.is_corrupt:
            size = size or comparison_size(frame.width, frame.height)
            small = reformatter.reformat(frame, *size, format="gray", interpolation="AREA")
            meter.add(offset, cast(NDArray[np.uint8], small.to_ndarray()))
            due = offset + step
        if time.process_time() - began > _MAX_COMPARISON_SECONDS:
            return
        yield


@dataclass(slots=True)
class _KeyFrames:
    """Selects the packets of key frames that are at least `step_seconds` apart."""

    step_seconds: float
    due: float = -math.inf

    def __call__(self, packet: VideoPacket) -> bool:
        seconds = _packet_seconds(packet)
        if seconds is None or seconds < self.due or not packet.is_keyframe:
            return False
        self.due = seconds + self.step_seconds
        return True


def _packet_seconds(packet: VideoPacket) -> float | None:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return None if stamp is None or packet.size == 0 else float(stamp * packet.time_base)


def _timed_frames(
    container: InputContainer,
    stream: VideoStream,
    timeline: _Timeline,
    damage: Damage,
    is_wanted: Callable[[VideoPacket], bool] = every_packet,
) -> Iterator[tuple[float, VideoFrame]]:
    """Yield (seconds from the start, frame) from the current position."""
    for number, frame in enumerate(read_frames(container, stream, damage, is_wanted)):
        if timeline.timed and frame.pts is not None and frame.time_base is not None:
            yield float(frame.pts * frame.time_base) - timeline.start_seconds, frame
        else:
            yield number / timeline.rate, frame


def _frames_at(
    container: InputContainer, stream: VideoStream, timeline: _Timeline, targets: list[float], damage: Damage
) -> Iterator[tuple[float, VideoFrame]]:
    """Yield the first frame at or after each of `targets`, which are sorted."""
    frames = _timed_frames(container, stream, timeline, damage)
    can_seek, last = timeline.timed, -math.inf
    for target in targets:
        jumps = can_seek and target - max(last, 0.0) >= _SEEK_PAYS_GROUPS * timeline.group_seconds and target > 0
        if jumps:
            can_seek = jumps = _seek(container, stream, timeline, target)
            frames = _timed_frames(container, stream, timeline, damage) if jumps else frames
        floor = max(target - _TOLERANCE_SECONDS, last) if target > 0 else -math.inf
        following = next(((offset, frame) for offset, frame in frames if offset > floor), None)
        if following is None and not jumps:
            return
        if following is not None:
            last = following[0]
            yield max(0.0, last), following[1]


def _seek(container: InputContainer, stream: VideoStream, timeline: _Timeline, offset_seconds: float) -> bool:
    """Go to a key frame at or before an offset. Return False if the container cannot."""
    if container.format.name in _WITHOUT_INDEX:
        offset_seconds = max(0.0, offset_seconds - timeline.group_seconds - _SEEK_MARGIN_SECONDS)
    seconds = timeline.start_seconds + offset_seconds
    try:
        container.seek(int(seconds / (stream.time_base or Fraction(1, av.time_base))), stream=stream, backward=True)
    except av.error.FFmpegError:
        return False
    return True
