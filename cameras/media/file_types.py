"""Identify a file by its first bytes. The name is only a hint, because cameras and recorders use any names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from cameras.media.formats import RenamedError, TruncatedError, extension

# How much of a file is read: a stream may start in the middle of a picture.
HEAD_BYTES = 64 * 1024
_MIN_BYTES = 12

JPEG, PNG, WEBP = "image/jpeg", "image/png", "image/webp"
# Before a picture, cameras sometimes write the rest of an HTTP header or of a sector by mistake. After the first
# marker, decoders skip bytes that are not a marker, including `FF 00`. No other file type starts with `FF D8`.
JPEG_START = re.compile(rb"[\r\n\0 ]*\xff\xd8.{0,256}?\xff[\xc0-\xfe]", re.DOTALL)
_PNG = b"\x89PNG\r\n\x1a\n"
_MOV_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_MPEG_PROGRAM, _MPEG_VIDEO = b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3"
_START_CODE = re.compile(rb"\0\0\x01(..)", re.DOTALL)
_STREAM_START = re.compile(rb"\0{2,64}\x01")
# H.264 (ITU-T H.264 7.3.1): the sequence parameter set, and the units that may precede it. H.265: 7.3.1.2.
_H264_UNITS, _H264_ALONE = (7,), (6, 9)
_HEVC_UNITS = (32, 33, 34, 35, 39)
# A packet of MPEG-TS starts with this byte. M2TS puts a time of 4 bytes before it, some senders 16 bytes after it.
_TS_SYNC, _TS_PACKETS, _TS_LAYOUTS, _TS_LOOKED_AT = 0x47, 3, ((0, 188), (4, 192), (0, 204)), 5
_MOTION_JPEG_NAMES = (".mjpeg", ".mjpg")
_TYPES = {
    "avi": "video/x-msvideo",
    "dhav": "video/x-dav",
    "asf": "video/x-ms-asf",
    "flv": "video/x-flv",
    "mpeg": "video/mpeg",
    "mpegvideo": "video/mpeg",
    "mpegts": "video/mp2t",
    "h264": "video/h264",
    "hevc": "video/h265",
    "mjpeg": "video/x-motion-jpeg",
}
# The demuxers of libav that may read a file. None of them follows a reference to another file or address, as those
# for playlists do (hls, dash, concat, image2, sdp, rtsp).
DEMUXERS = ("mov", "matroska", *_TYPES)


@dataclass(frozen=True, slots=True)
class FileType:
    """`demuxer` is the one of libav that reads a clip."""

    kind: Literal["image", "video"]
    content_type: str
    demuxer: str = ""


def identify(head: bytes, name: str) -> FileType:
    """Identify a file by its first `HEAD_BYTES`, or by all of a shorter file.

    Raise `TruncatedError` if too few bytes are there, and `RenamedError` for a file that is neither a picture nor a
    supported clip.
    """
    file_type = try_identify(head, is_clip=extension(name) in _MOTION_JPEG_NAMES)
    if file_type is not None:
        return file_type
    if len(head) < _MIN_BYTES or not head.strip(b"\0"):  # reserved space, nothing written yet
        raise TruncatedError
    raise RenamedError("the content is neither a picture nor a known kind of clip")


def try_identify(head: bytes, *, is_clip: bool = False) -> FileType | None:
    """Like `identify`, but return None instead of raising.

    `is_clip`: treat a sequence of pictures as a clip, and not as its first picture.
    """
    if len(head) < _MIN_BYTES:
        return None
    return _picture(head, is_clip) or _container(head) or _stream(head)


def _picture(head: bytes, is_clip: bool) -> FileType | None:
    if JPEG_START.match(head):
        return _clip("mjpeg") if is_clip else FileType("image", JPEG)
    if head.startswith(_PNG):
        return FileType("image", PNG)
    return FileType("image", WEBP) if head.startswith(b"RIFF") and head[8:12] == b"WEBP" else None


def _container(head: bytes) -> FileType | None:
    if head[4:8] in _MOV_BOXES:
        brand = head[8:12] if head[4:8] == b"ftyp" else b"qt  "
        kind = "quicktime" if brand == b"qt  " else "3gpp" if brand.startswith(b"3g") else "mp4"
        return FileType("video", f"video/{kind}", "mov")
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return FileType("video", "video/webm" if b"webm" in head[:64] else "video/x-matroska", "matroska")
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return _clip("avi")
    if head.startswith((b"DHAV", b"DAHUA")):
        return _clip("dhav")
    if head.startswith(_ASF):
        return _clip("asf")
    return _clip("flv") if head.startswith(b"FLV\x01") else None


def _stream(head: bytes) -> FileType | None:
    if any(_is_transport(head, *layout) for layout in _TS_LAYOUTS):
        return _clip("mpegts")
    if head.startswith(_MPEG_PROGRAM):
        return _clip("mpeg")
    if head.startswith(_MPEG_VIDEO):
        return _clip("mpegvideo")
    return _elementary(head) if _STREAM_START.match(head) else None


def _is_transport(head: bytes, first: int, packet: int) -> bool:
    starts = head[first : first + packet * _TS_LOOKED_AT : packet]
    return len(starts) >= _TS_PACKETS and not starts.strip(bytes([_TS_SYNC]))


def _elementary(head: bytes) -> FileType | None:
    """Identify a bare H.264 or H.265 stream by the first unit that only one of them has."""
    for match in _START_CODE.finditer(head):
        first, second = match.group(1)
        if first & 0x80:  # neither of them has such a unit
            return None
        # Of layer 0 and the lowest temporal layer.
        if second == 1 and not first & 1 and first >> 1 in _HEVC_UNITS:
            return _clip("hevc")
        if first & 0x1F in _H264_UNITS or (first in _H264_ALONE):
            return _clip("h264")
    return None


def _clip(demuxer: str) -> FileType:
    return FileType("video", _TYPES[demuxer], demuxer)
