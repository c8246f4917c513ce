"""What a file is, by its content alone; and every kind of clip that is read."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.format import ContainerFormat

from cameras.media import file_types
from cameras.media.containers import is_truncated
from cameras.media.formats import MediaFaultError, RenamedError, TruncatedError, kind_from_name
from cameras.media.video import frame_at, inspect_clip, sample_frames
from tests import files

pytestmark = pytest.mark.one_engine

# (name, muxer, encoder, options, demuxer, content type)
CLIPS: tuple[tuple[str, str, str, dict[str, str], str, str], ...] = (
    ("a.264", "h264", "libx264", {}, "h264", "video/h264"),
    ("a.hevc", "hevc", "libx265", {}, "hevc", "video/h265"),
    ("a.ts", "mpegts", "libx264", {}, "mpegts", "video/mp2t"),
    ("a.m2ts", "mpegts", "mpeg2video", {"mpegts_m2ts_mode": "1"}, "mpegts", "video/mp2t"),
    ("a.mpg", "mpeg", "mpeg2video", {}, "mpeg", "video/mpeg"),
    ("a.vob", "vob", "mpeg2video", {}, "mpeg", "video/mpeg"),
    ("a.mpeg", "mpeg2video", "mpeg2video", {}, "mpegvideo", "video/mpeg"),
    ("a.webm", "webm", "libvpx", {}, "matroska", "video/webm"),
    ("a.3gp", "3gp", "libx264", {}, "mov", "video/3gpp"),
    ("a.m4v", "ipod", "libx264", {}, "mov", "video/mp4"),
    ("a.wmv", "asf", "wmv2", {}, "asf", "video/x-ms-asf"),
    ("a.flv", "flv", "libx264", {}, "flv", "video/x-flv"),
    ("a.mjpeg", "mjpeg", "mjpeg", {}, "mjpeg", "video/x-motion-jpeg"),
)
RATE, FRAMES = 25, 60


def clip(muxer: str, encoder: str, options: dict[str, str]) -> bytes:
    """Frame `n` is grey with the value 20 + 3 n."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=muxer, options=options) as container:
        quiet = {"x265-params": "log-level=none"} if encoder == "libx265" else {}
        stream: Any = container.add_stream(encoder, rate=RATE, options=quiet)
        stream.width, stream.height = 128, 96
        stream.pix_fmt = "yuvj420p" if encoder == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = 10
        for number in range(FRAMES):
            pixels = np.full((96, 128, 3), 20 + 3 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


@pytest.mark.parametrize(("name", "muxer", "encoder", "options", "demuxer", "content_type"), CLIPS)
def test_a_clip_of_each_kind_is_known_and_read(
    name: str, muxer: str, encoder: str, options: dict[str, str], demuxer: str, content_type: str
) -> None:
    data = clip(muxer, encoder, options)

    assert kind_from_name(name) == "video"
    found = file_types.identify(data[: file_types.HEAD_BYTES], name)
    assert (found.demuxer, found.content_type) == (demuxer, content_type)
    seen = inspect_clip(io.BytesIO(data), name=name, max_bytes=1 << 24, max_pixels=1 << 20)
    assert (seen.width, seen.height, seen.truncated) == (128, 96, False)
    frames = list(sample_frames(io.BytesIO(data), interval_seconds=0.5, max_frames=6, max_pixels=1 << 20))
    assert [round(frame.offset_seconds, 2) for frame in frames] == pytest.approx([0, 0.5, 1, 1.5, 2], abs=0.05)
    later = frame_at(io.BytesIO(data), 1.5, max_pixels=1 << 20)
    for frame in (*frames, later):
        assert abs(float(frame.pixels.mean()) - (20 + 3 * round(frame.offset_seconds * RATE))) < 7


def test_a_stream_is_known_by_what_only_it_has() -> None:
    for muxer, encoder, demuxer in (("h264", "libx264", "h264"), ("hevc", "libx265", "hevc")):
        data = clip(muxer, encoder, {})
        for start in (data, b"\0" + data, b"\0\0\0\x01\x09\xf0" + data if demuxer == "h264" else data):
            found = file_types.try_identify(start)
            assert found is not None
            assert found.demuxer == demuxer


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.mp4", "a.avi", "a.ts", "a"])
def test_the_content_decides_and_not_the_name(name: str) -> None:
    webp = files.encoded(files.corners(), "WEBP")
    for data, content_type in ((files.jpeg(), file_types.JPEG), (files.png(), file_types.PNG), (webp, file_types.WEBP)):
        assert file_types.identify(data, name) == file_types.FileType("image", content_type)
    assert file_types.identify(b"\0\0\0\x1cftypmp42" + bytes(20), name) == file_types.FileType(
        "video", "video/mp4", "mov"
    )
    assert file_types.identify(b"RIFF\xff\xff\0\0AVI LIST", name) == file_types.FileType(
        "video", "video/x-msvideo", "avi"
    )


@pytest.mark.parametrize(
    "data",
    [
        b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/a.ts\n",
        b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011">',
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
        b"<html><body>not logged in</body></html>",
        b"\x7fELF\x02\x01\x01" + bytes(64),
        b"GIF89a" + bytes(64),
        b"%PDF-1.7 " + bytes(64),
        b"PK\x03\x04" + bytes(64),
        b"G" * 100 + b"no stream",
        b"\0\0\x01\xff" + b"x" * 64,
    ],
)
def test_what_is_neither_a_picture_nor_a_clip_is_named_so(data: bytes) -> None:
    for name in ("a.jpg", "a.mp4", "a.ts", "a.h264"):
        with pytest.raises(RenamedError):
            file_types.identify(data, name)


@pytest.mark.parametrize("data", [b"\xff\xd8", b"RIFF\0\0", bytes(5000), b"\0\0\0\x01\x67"])
def test_a_file_too_short_to_identify_may_still_grow(data: bytes) -> None:
    with pytest.raises(TruncatedError):
        file_types.identify(data, "a.jpg")


def test_no_demuxer_that_follows_references_ever_sees_a_file() -> None:
    following = {"hls", "dash", "concat", "image2", "image2pipe", "sdp", "rtsp", "rtp", "lavfi", "webm_dash_manifest"}

    assert not following & set(file_types.DEMUXERS)
    assert all(ContainerFormat(name, "r").is_input for name in file_types.DEMUXERS)


def test_a_clip_that_names_another_file_is_not_followed(tmp_path: Path) -> None:
    """An MP4 may say that its pictures lie in another file: the one that it names is never opened."""
    other = files.mp4(tmp_path / "other.mp4")
    data = bytearray(other.read_bytes())
    pictures, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[pictures:end] = bytes(end - pictures)
    address = f"file://{other}".encode() + b"\0"
    entry = data.index(b"url \0\0\0\x01")
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref", b"url "):
        at = data.rindex(box, 0, entry + 4) - 4
        data[at : at + 4] = (int.from_bytes(data[at : at + 4]) + len(address)).to_bytes(4)
    data[entry : entry + 8] = b"url \0\0\0\0" + address

    assert list(sample_frames(io.BytesIO(other.read_bytes()), interval_seconds=1, max_frames=2, max_pixels=1 << 20))
    with pytest.raises(MediaFaultError):
        list(sample_frames(io.BytesIO(bytes(data)), interval_seconds=1, max_frames=2, max_pixels=1 << 20))


def test_an_interrupted_windows_media_recording_is_truncated() -> None:
    data = clip("asf", "wmv2", {})

    assert not is_truncated(io.BytesIO(data), "asf", len(data))
    assert is_truncated(io.BytesIO(data), "asf", len(data) - 500)
