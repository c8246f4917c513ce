"""An open clip: its packets and frames. Errors of the file are separated from errors of the disk."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from cameras.media.formats import BrokenError, MediaFaultError, TruncatedError, UnsupportedError, check_pixels

if TYPE_CHECKING:
    VideoPacket = Packet[Any]
else:  # not subscriptable at run time
    VideoPacket = Packet

_BUFFER_BYTES = 256 * 1024
_DECODER_THREADS = 1  # several clips are decoded in parallel already


class _Reader:
    """The demuxer's view of a file. The demuxer swallows read errors, so the first one is kept."""

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
class Damage:
    """Whether a part of the clip could not be read."""

    found: bool = False


@contextlib.contextmanager
def open_clip(
    file: BinaryIO, container_format: str, truncated: bool, max_pixels: int
) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Yield the clip and its picture stream. Errors of the decoder become a `MediaFaultError`."""
    if not container_format:
        raise UnsupportedError("not a known kind of clip")
    file.seek(0)
    reader = _Reader(file)
    # The decoder's own limit stops a picture that grows in mid-stream before memory is allocated.
    # The options also prevent a file from opening others. See `file_types.DEMUXERS` for the first protection.
    options = {"max_pixels": str(max_pixels), "protocol_whitelist": "none", "format_whitelist": container_format}
    try:
        with av.open(
            reader, format=container_format, options=options, buffer_size=_BUFFER_BYTES, metadata_errors="replace"
        ) as opened:
            container = cast(InputContainer, opened)
            yield container, _picture_stream(container, truncated, max_pixels)
    except av.error.MemoryError as error:
        raise MemoryError from error
    except av.error.FFmpegError as error:
        if reader.error is None:
            raise (TruncatedError if truncated else BrokenError)(f"cannot be decoded: {error.strerror}") from error
    except MediaFaultError:
        if reader.error is None:
            raise
    if reader.error is not None:
        raise reader.error


def _picture_stream(container: InputContainer, truncated: bool, max_pixels: int) -> VideoStream:
    streams = (s for s in container.streams.video if not s.disposition & Disposition.attached_pic)
    stream = next(streams, None)
    if stream is None and truncated:
        raise TruncatedError
    if stream is None or stream.codec_context is None:
        raise UnsupportedError("no video stream, or none that can be decoded")
    if stream.codec_context.width and stream.codec_context.height:
        check_pixels(stream.codec_context.width, stream.codec_context.height, max_pixels)
    stream.codec_context.thread_count = _DECODER_THREADS
    return stream


def read_packets(container: InputContainer, stream: VideoStream, damage: Damage) -> Iterator[VideoPacket]:
    """Yield the readable packets of the stream, and the empty one at its end."""
    try:
        yield from container.demux(stream)
    except av.error.MemoryError:
        raise
    except av.error.FFmpegError:
        damage.found = True


def every_packet(_packet: VideoPacket) -> bool:
    """Select all packets, for `read_frames`."""
    return True


def read_frames(
    container: InputContainer,
    stream: VideoStream,
    damage: Damage,
    is_wanted: Callable[[VideoPacket], bool] = every_packet,
) -> Iterator[VideoFrame]:
    """Yield every frame that can be decoded, from the current position, in display order.

    Packets that are not wanted are skipped. The next one that is wanted has to be of a key frame then.
    """
    for packet in read_packets(container, stream, damage):
        if packet.size and not is_wanted(packet):
            continue
        try:
            frames = stream.codec_context.decode(packet)
        except av.error.MemoryError:
            raise
        except av.error.FFmpegError:
            damage.found = True
            continue
        for frame in frames:
            damage.found |= frame.is_corrupt
            yield frame
