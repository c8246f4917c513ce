"""Check the containers of clips by their own structure, without a demuxer."""

from __future__ import annotations

import struct
from typing import BinaryIO

from cameras.media import file_types

_MAX_MOV_BOXES = 100_000
_EBML_HEAD_BYTES = 4096
_ASF_HEAD_BYTES = 64 * 1024
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_LIVE = 1
# Fewer bytes cannot be identified.
_MIN_BYTES = 12
_MATROSKA_SEGMENT = b"\x18\x53\x80\x67"


def format_of(file: BinaryIO) -> str:
    """Return the demuxer for a clip by its first bytes, or "". The position of the file is undefined afterwards."""
    file_type = file_types.try_identify(_head(file, file_types.HEAD_BYTES), is_clip=True)
    return file_type.demuxer if file_type else ""


def is_truncated(file: BinaryIO, container_format: str, size_bytes: int) -> bool:
    """Return whether the structure of a clip declares more than `size_bytes`.

    A Matroska file of unknown length, Dahua's format and streams do not declare a length. The position of the file is
    undefined afterwards.
    """
    if container_format == "mov":
        return _mov_is_truncated(file, size_bytes)
    if container_format == "avi":
        return _avi_is_truncated(file, size_bytes)
    if container_format == "asf":
        return _asf_is_truncated(_head(file, _ASF_HEAD_BYTES), size_bytes)
    return container_format == "matroska" and _matroska_is_truncated(_head(file, _EBML_HEAD_BYTES), size_bytes)


def _head(file: BinaryIO, count: int) -> bytes:
    file.seek(0)
    return file.read(count)


def _mov_is_truncated(file: BinaryIO, size_bytes: int) -> bool:
    position, has_index = 0, False
    for _ in range(_MAX_MOV_BOXES):
        if position + 8 > size_bytes:
            break
        file.seek(position)
        head = file.read(16).ljust(16, b"\0")
        length, kind, long_length = struct.unpack(">I4sQ", head)
        has_index |= kind == b"moov"
        if length == 0:  # up to the end of the file
            position = size_bytes
            break
        position += max(long_length if length == 1 else length, 8)
    return position > size_bytes or not has_index


def _avi_is_truncated(file: BinaryIO, size_bytes: int) -> bool:
    position = 0
    while position + 8 <= size_bytes:
        file.seek(position)
        kind, length = struct.unpack("<4sI", file.read(8))
        if kind != b"RIFF":  # padding after the last part
            return False
        if length == 0:  # written when the recording ends
            return True
        position += 8 + length
    return position > size_bytes + 1  # the last part may lack its padding byte


def _matroska_is_truncated(head: bytes, size_bytes: int) -> bool:
    at = head.find(_MATROSKA_SEGMENT)
    if at < 0 or at + 5 > len(head):
        return size_bytes <= _EBML_HEAD_BYTES
    start = at + len(_MATROSKA_SEGMENT)
    width = 9 - head[start].bit_length()  # the position of the first set bit is the width of the number
    field = head[start : start + width]
    if width > 8 or len(field) < width:
        return len(field) < width
    mask = (1 << (7 * width)) - 1
    length = int.from_bytes(field, "big") & mask
    return length != mask and start + width + length > size_bytes


def _asf_is_truncated(head: bytes, size_bytes: int) -> bool:
    """An interrupted recording is marked as a live one, which declares no size."""
    at = head.find(_ASF_FILE_PROPERTIES)
    if at < 0 or at + 92 > len(head):
        return False
    length, flags = struct.unpack_from("<40xQ40xI", head, at)
    return not flags & _ASF_LIVE and length > size_bytes


def declares_length(file: BinaryIO) -> bool:
    """Return whether the structure of a clip declares its length. Rewind the file.

    Every beginning of a live Matroska file, of Dahua's format and of a stream of packets looks complete.
    """
    container_format, head = format_of(file), _head(file, _EBML_HEAD_BYTES)
    file.seek(0)
    if container_format in ("mov", "avi", "asf") or len(head) < _MIN_BYTES:
        return True
    at = head.find(_MATROSKA_SEGMENT) + len(_MATROSKA_SEGMENT)
    if container_format != "matroska" or not len(_MATROSKA_SEGMENT) <= at < len(head):
        return False
    width = 9 - head[at].bit_length()
    unknown = (1 << (7 * width)) - 1
    return width <= 8 and int.from_bytes(head[at : at + width], "big") & unknown != unknown
