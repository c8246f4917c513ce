"""Clips: what they are, and the few of their frames that are looked at.

A clip is read through a file object that the caller opened safely, and only by the demuxer that its
first bytes ask for: the demuxers that follow references to other files never see it.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

import av
import av.container
import av.error
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from cameras.containers import FORMATS_OF, format_of, is_cut
from cameras.media import (
    BrokenError,
    MediaFaultError,
    RenamedError,
    TruncatedError,
    UnsupportedError,
    check_pixels,
    checked_size,
    content_type_of,
    encode_thumbnail,
    extension,
    kind_of,
    thumbnail_size,
)

_BUFFER_BYTES = 256 * 1024
_DECODER_THREADS = 1  # clips are decoded side by side already
# A hostile clip of countless tiny packets is looked at only so far.
_MAX_PACKETS = 2_000_000
# Seeking pays where at least this many groups of pictures lie between two samples.
_SEEK_PAYS_GROUPS = 2
_TOLERANCE_SECONDS = 0.002  # containers round times to milliseconds
_FALLBACK_RATE = 25.0
# Cameras send at least a frame in this time; a longer average means that the clock jumped in mid-clip.
_LONGEST_FRAME_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip whose first frame can be decoded. `thumbnail` is a JPEG.

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
    """One frame: seconds from the start of the clip, and RGB of shape (height, width, 3)."""

    offset_seconds: float
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Timeline:
    """What the packets of the stream say, without decoding one."""

    start_seconds: float
    span_seconds: float
    group_seconds: float  # the longest time between two keyframes
    rate: float  # frames a second, for frames without a time
    timed: bool  # whether the times of the packets can be believed


def inspect(file: BinaryIO, *, name: str, max_bytes: int, max_pixels: int, thumbnail_width: int = 480) -> Clip:
    """Validate and hash a clip; only its first frame is decoded. Raises a `MediaFaultError`."""
    size_bytes = checked_size(file, max_bytes)
    if kind_of(name) != "video":
        raise UnsupportedError(f"no clip by its extension {extension(name)!r}")
    container_format = format_of(file)
    if container_format not in FORMATS_OF[extension(name)]:
        raise RenamedError(f"the content is not {content_type_of(name)}")
    cut = is_cut(file, container_format, size_bytes)
    with _opened(file, container_format, cut, max_pixels) as (container, stream):
        frame = next(_frames(container, stream, _Damage()), None)
        if frame is None:
            raise (TruncatedError if cut else BrokenError)("no frame can be decoded")
        check_pixels(frame.width, frame.height, max_pixels)
        small = thumbnail_size(frame.width, frame.height, thumbnail_width)
        thumbnail = encode_thumbnail(frame.to_image(width=small[0], height=small[1]), small)
        duration = container.duration / av.time_base if container.duration and container.duration > 0 else None
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Clip(digest, size_bytes, frame.width, frame.height, thumbnail, duration, cut)


class Samples(Iterator[Frame]):
    """The sampled frames of a clip, in order. `damaged` is complete once they have been read to the end.

    Reading raises a `MediaFaultError` when not one frame can be decoded.
    """

    def __init__(self, file: BinaryIO, interval_seconds: float, max_frames: int, max_pixels: int) -> None:
        self._damage = _Damage()
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

    def _read(self, file: BinaryIO, interval_seconds: float, max_frames: int, max_pixels: int) -> Iterator[Frame]:
        size_bytes = checked_size(file, 1 << 62)
        container_format = format_of(file)
        cut = self._damage.found = is_cut(file, container_format, size_bytes)
        with _opened(file, container_format, cut, max_pixels) as (container, stream):
            timeline = _timeline(container, stream, self._damage)
        step = max(interval_seconds, timeline.span_seconds / max(1, max_frames - 1))
        any_frame = False
        # Opened anew: not every container can be rewound after it was read to its end.
        with _opened(file, container_format, cut, max_pixels) as (container, stream):
            for offset, frame in _sampled(container, stream, timeline, step, max_frames, self._damage):
                check_pixels(frame.width, frame.height, max_pixels)
                any_frame = True
                yield Frame(offset, frame.to_ndarray(format="rgb24"))
        if not any_frame:
            raise (TruncatedError if cut else BrokenError)("no frame can be decoded")


def sample(file: BinaryIO, *, interval_seconds: float, max_frames: int, max_pixels: int) -> Samples:
    """At most `max_frames` frames, `interval_seconds` apart, the first at the start.

    A clip that is longer than that is sampled more sparsely, from its start to its end.
    """
    return Samples(file, interval_seconds, max_frames, max_pixels)


class _Reader:
    """A file for the demuxer, which swallows errors of reading: the first one is kept."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def read(self, count: int) -> bytes:
        try:
            return self._file.read(count)
        except OSError as error:
            self.error = self.error or error
            return b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


@dataclass(slots=True)
class _Damage:
    found: bool = False


@contextlib.contextmanager
def _opened(
    file: BinaryIO, container_format: str, cut: bool, max_pixels: int
) -> Iterator[tuple[av.container.InputContainer, VideoStream]]:
    """The clip and its picture stream. What the decoder says becomes a `MediaFaultError`."""
    if not container_format:
        raise UnsupportedError("no clip of a known kind")
    file.seek(0)
    reader = _Reader(file)
    # The decoder's own limit stops a picture that grows in mid-stream before memory is taken for it.
    options = {"max_pixels": str(max_pixels)}
    try:
        with av.open(
            reader,
            format=container_format,
            options=options,
            buffer_size=_BUFFER_BYTES,
            metadata_errors="replace",
        ) as container:
            yield container, _picture_stream(container, max_pixels)
    except av.error.FFmpegError as error:
        if reader.error is None:
            raise (TruncatedError if cut else BrokenError)(f"cannot be decoded: {error.strerror}") from error
    except MediaFaultError:
        if reader.error is None:
            raise
    if reader.error is not None:
        raise reader.error


def _picture_stream(container: av.container.InputContainer, max_pixels: int) -> VideoStream:
    streams = (s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic)
    stream = next(streams, None)
    if stream is None or stream.codec_context is None:
        raise UnsupportedError("no stream of pictures, or of a kind that cannot be decoded")
    if stream.codec_context.width and stream.codec_context.height:
        check_pixels(stream.codec_context.width, stream.codec_context.height, max_pixels)
    stream.codec_context.thread_count = _DECODER_THREADS
    return stream


def _packets(container: av.container.InputContainer, stream: VideoStream, damage: _Damage) -> Iterator[Packet]:
    """The packets of the stream as far as they can be read, and the empty one that ends them."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.error.FFmpegError:
            damage.found = True
            return
        yield packet


def _frames(container: av.container.InputContainer, stream: VideoStream, damage: _Damage) -> Iterator[VideoFrame]:
    """Every frame that can be decoded, from where the container stands, in the order they are shown."""
    for packet in _packets(container, stream, damage):
        try:
            frames = stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            damage.found = True
            continue
        for frame in frames:
            damage.found |= frame.is_corrupt
            yield frame


def _timeline(container: av.container.InputContainer, stream: VideoStream, damage: _Damage) -> _Timeline:
    """Read every packet, decode none: headers lie about durations, or are silent."""
    count, first, last, keyframe, group = 0, math.inf, -math.inf, math.inf, 0.0
    for packet in _packets(container, stream, damage):
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


def _packet_seconds(packet: Packet) -> float | None:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return None if stamp is None or packet.size == 0 else float(stamp * packet.time_base)


def _timed(
    container: av.container.InputContainer, stream: VideoStream, timeline: _Timeline, damage: _Damage
) -> Iterator[tuple[float, VideoFrame]]:
    """(seconds from the start, frame) from where the container stands."""
    for number, frame in enumerate(_frames(container, stream, damage)):
        if timeline.timed and frame.pts is not None and frame.time_base is not None:
            yield float(frame.pts * frame.time_base) - timeline.start_seconds, frame
        else:
            yield number / timeline.rate, frame


def _sampled(
    container: av.container.InputContainer,
    stream: VideoStream,
    timeline: _Timeline,
    step: float,
    max_frames: int,
    damage: _Damage,
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


def _seek(container: av.container.InputContainer, stream: VideoStream, seconds: float) -> bool:
    """Go to the keyframe at or before a time of the stream. False where the container cannot."""
    try:
        container.seek(int(seconds / (stream.time_base or Fraction(1, av.time_base))), stream=stream, backward=True)
    except av.error.FFmpegError:
        return False
    return True
