"""Read the size of a picture from its header, and check that it is complete, before it is decoded."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from cameras.media import file_types
from cameras.media.formats import BrokenError, TruncatedError

_JPEG_END = b"\xff\xd9"
_JPEG_SCAN = b"\xff\xda"
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
# A marker as libjpeg finds it: preceding bytes and fill bytes are skipped.
_MARKER = re.compile(rb"\xff+([^\x00\xff])")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))  # markers without a length
# Every scan of a progressive JPEG costs a pass over the whole picture, even if it has few bytes.
_MAX_SCANS = 64
_PNG_START = 8


def jpeg_from_start(data: bytes) -> bytes:
    """Return a JPEG without the stray bytes before its first two markers, which decoders do not skip."""
    found = file_types.JPEG_START.match(data)
    if found is None or data.startswith(b"\xff\xd8\xff"):
        return data
    return b"\xff\xd8" + data[found.end() - 2 :]


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Return (width, height) of a JPEG that starts with its first marker. Check that it has an end marker.

    Cameras append padding and data of their own after the end marker, and the EXIF data before the scan may contain a
    whole JPEG. So the end marker may be anywhere after the start of the scan.
    """
    size, scan = None, 0
    for marker, position, length in _jpeg_segments(data):
        if marker in _FRAMES:
            if length < 8:
                raise BrokenError("a frame header is too short")
            height, width = struct.unpack_from(">HH", data, position + 3)
            size = (width, height)
        scan = position
    if size is None:
        raise BrokenError("a scan without a frame header")
    if data.rfind(_JPEG_END, scan) < 0:
        raise TruncatedError("the end marker is missing")
    if data.count(_JPEG_SCAN, scan) > _MAX_SCANS:
        raise BrokenError("too many scans")
    return size


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, position of its length field, length with the length field) up to the first scan."""
    position, marker = 2, 0
    while marker != _SOS:
        found = _MARKER.search(data, position)
        if found is None:
            raise TruncatedError
        marker, position = found[1][0], found.end()
        if marker in _ALONE:
            continue
        if marker in (_SOI, _EOI) or marker < 0xC0:
            raise BrokenError("a marker is missing")
        if position + 2 > len(data):
            raise TruncatedError
        (length,) = struct.unpack_from(">H", data, position)
        if length < 2:
            raise BrokenError("a segment is too short")
        if position + length > len(data):
            raise TruncatedError
        yield marker, position, length
        position += length


def png_size(data: bytes) -> tuple[int, int]:
    """Return (width, height) of a PNG. Check that its chunks continue to the end chunk."""
    position = _PNG_START
    while True:
        if position + 12 > len(data):
            raise TruncatedError
        length, kind = struct.unpack_from(">I4s", data, position)
        if position == _PNG_START and (kind != b"IHDR" or length != 13):
            raise BrokenError("no header chunk")
        if kind == b"IEND":
            break
        position += 12 + length
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def webp_size(data: bytes) -> tuple[int, int]:
    """Return (width, height) of the canvas of a WebP file. Check that the file is as long as its header says."""
    if len(data) < 30:
        raise TruncatedError
    length, kind = struct.unpack_from("<I4x4s", data, 4)
    if length + 8 > len(data):
        raise TruncatedError
    if kind == b"VP8X":
        return (int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1)
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise BrokenError("no header chunk")


SIZE_OF = {file_types.JPEG: jpeg_size, file_types.PNG: png_size, file_types.WEBP: webp_size}
