"""An open clip: its packets and frames, with every fault of the file told from a fault of the disk."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
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
_DECODER_THREADS = 1  # clips are decoded side by side already


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
class Damage:
    """Whether something of a clip could not be read."""

    found: bool = False


@contextlib.contextmanager
def opened(
    file: BinaryIO, container_format: str, cut: bool, max_pixels: int
) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The clip and its picture stream. What the decoder says becomes a `MediaFaultError`."""
    if not container_format:
        raise UnsupportedError("no clip of a known kind")
    file.seek(0)
    reader = _Reader(file)
    # The decoder's own limit stops a picture that grows in mid-stream before memory is taken for it.
    # A file makes its demuxer open nothing else: see `kinds.DEMUXERS`, and this is the second lock.
    options = {"max_pixels": str(max_pixels), "protocol_whitelist": "none", "format_whitelist": container_format}
    try:
        with av.open(
            reader, format=container_format, options=options, buffer_size=_BUFFER_BYTES, metadata_errors="replace"
        ) as either:
            container = cast(InputContainer, either)
            yield container, _picture_stream(container, cut, max_pixels)
    except av.error.MemoryError as error:
        raise MemoryError from error
    except av.error.FFmpegError as error:
        if reader.error is None:
            raise (TruncatedError if cut else BrokenError)(f"cannot be decoded: {error.strerror}") from error
    except MediaFaultError:
        if reader.error is None:
            raise
    if reader.error is not None:
        raise reader.error


def _picture_stream(container: InputContainer, cut: bool, max_pixels: int) -> VideoStream:
    streams = (s for s in container.streams.video if not s.disposition & Disposition.attached_pic)
    stream = next(streams, None)
    if stream is None and cut:
        raise TruncatedError
    if stream is None or stream.codec_context is None:
        raise UnsupportedError("no stream of pictures, or of a kind that cannot be decoded")
    if stream.codec_context.width and stream.codec_context.height:
        check_pixels(stream.codec_context.width, stream.codec_context.height, max_pixels)
    stream.codec_context.thread_count = _DECODER_THREADS
    return stream


def packets_of(container: InputContainer, stream: VideoStream, damage: Damage) -> Iterator[VideoPacket]:
    """The packets of the stream as far as they can be read, and the empty one that ends them."""
    try:
        yield from container.demux(stream)
    except av.error.MemoryError:
        raise
    except av.error.FFmpegError:
        damage.found = True


def frames_of(container: InputContainer, stream: VideoStream, damage: Damage) -> Iterator[VideoFrame]:
    """Every frame that can be decoded, from where the container stands, in the order they are shown."""
    for packet in packets_of(container, stream, damage):
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
