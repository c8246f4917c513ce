"""Clips that the tests make themselves, whole and damaged."""

import hashlib
import io
import tempfile
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cameras.media import video
from cameras.media.formats import (
    BrokenError,
    EmptyError,
    MediaFaultError,
    MediaTooLargeError,
    RenamedError,
    TooManyPixelsError,
    TruncatedError,
    UnsupportedError,
)
from cameras.media.video import ClipInfo, Frame, Samples, frame_at, inspect_clip, sample_frames
from tests import files

RATE = 10
WIDTH, HEIGHT = 128, 96


def shade(number: int) -> int:
    """The grey of frame `number`: it tells frames that are not next to each other apart after lossy coding."""
    return 20 + number * 2 % 200


class Live(io.BytesIO):
    """A file that cannot be wound back, so that no index and no length are written."""

    def seekable(self) -> bool:
        return False

    seek = None  # type: ignore[assignment]


def clip(
    container_format: str = "mp4",
    codec: str = "libx264",
    frames: int = 100,
    group: int = 10,
    times: Callable[[int], float] | None = None,
    file: io.BytesIO | None = None,
    **options: str,
) -> bytes:
    buffer = file if file is not None else io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        # To put the index first, the muxer reads again what it wrote, by its name.
        named = Path(folder) / "a.mp4"
        target = str(named) if options.get("movflags") == "faststart" else buffer
        _write(target, container_format, codec, frames, group, times, options)
        return named.read_bytes() if named.exists() else buffer.getvalue()


def _write(
    target: str | io.BytesIO,
    container_format: str,
    codec: str,
    frames: int,
    group: int,
    times: Callable[[int], float] | None,
    options: dict[str, str],
) -> None:
    with av.open(target, "w", format=container_format, options=options) as container:
        stream: Any = container.add_stream(codec, rate=RATE)
        stream.width, stream.height = WIDTH, HEIGHT
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = group
        if container_format == "avi":  # it has no place for the times of frames that are shown out of order
            stream.codec_context.max_b_frames = 0
        stream.codec_context.time_base = Fraction(1, 1000) if times else Fraction(1, RATE)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(np.full((HEIGHT, WIDTH, 3), shade(number), np.uint8), format="rgb24")
            frame.pts = round(times(number) * 1000) if times else number
            frame.time_base = stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def look(data: bytes, name: str = "a.mp4", max_bytes: int = 10**8, max_pixels: int = 10**6) -> ClipInfo:
    return inspect_clip(io.BytesIO(data), name=name, max_bytes=max_bytes, max_pixels=max_pixels)


def samples(data: bytes, interval_seconds: float = 2.0, max_frames: int = 30) -> Samples:
    return sample_frames(io.BytesIO(data), interval_seconds=interval_seconds, max_frames=max_frames, max_pixels=10**6)


def offsets(frames: list[Frame]) -> list[float]:
    return [round(frame.offset_seconds, 3) for frame in frames]


def assert_shown(frames: list[Frame], rate: float = RATE) -> None:
    """Every frame is the one of its offset."""
    for frame in frames:
        assert frame.pixels.shape == (HEIGHT, WIDTH, 3)
        assert frame.pixels.dtype == np.uint8
        assert abs(float(frame.pixels.mean()) - shade(round(frame.offset_seconds * rate))) < 5


MP4 = clip()
KINDS = {
    "mp4": ("a.mp4", MP4),
    "mp4 with its index first": ("a.mp4", clip(movflags="faststart")),
    "fragmented mp4": ("a.mp4", clip(movflags="frag_keyframe+empty_moov")),
    "mov": ("a.mov", clip("mov")),
    "mkv": ("a.mkv", clip("matroska")),
    "avi of h264": ("a.avi", clip("avi")),
    "avi of mpeg4": ("a.avi", clip("avi", "mpeg4")),
    "avi of mjpeg": ("a.avi", clip("avi", "mjpeg")),
}
every_kind = pytest.mark.parametrize(("name", "data"), KINDS.values(), ids=KINDS)


@every_kind
def test_a_clip_is_hashed_measured_and_shown_small(name: str, data: bytes) -> None:
    found = look(data, name)

    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert (found.width, found.height, found.size_bytes, found.truncated) == (WIDTH, HEIGHT, len(data), False)
    assert found.duration_seconds == pytest.approx(10.0, abs=0.3)
    with Image.open(io.BytesIO(found.thumbnail)) as thumbnail:
        assert thumbnail.size == (WIDTH, HEIGHT)
        assert abs(np.asarray(thumbnail).mean() - shade(0)) < 3


@every_kind
def test_frames_are_taken_evenly(name: str, data: bytes) -> None:
    reader = samples(data)
    frames = list(reader)

    # An AVI file of H.264 has no times of its own: the decoder's guess is a frame off after a jump.
    assert offsets(frames) == pytest.approx([0, 2, 4, 6, 8], abs=0.11 if name == "a.avi" else 0.001)
    assert_shown(frames)
    assert not reader.damaged


@every_kind
def test_a_long_clip_is_sampled_from_its_start_to_its_end(name: str, data: bytes) -> None:
    frames = list(samples(data, interval_seconds=0.5, max_frames=4))

    assert len(frames) == 4
    assert offsets(frames)[0] == 0
    assert offsets(frames)[-1] > 6
    assert all(later - earlier >= 0.4 for earlier, later in pairwise(offsets(frames)))
    assert_shown(frames)


@pytest.mark.parametrize("group", [1, 10, 300])
@pytest.mark.parametrize("max_frames", [1, 2, 3, 30])
def test_the_same_frames_are_found_whether_seeking_pays_or_not(group: int, max_frames: int) -> None:
    data = clip("matroska", frames=120, group=group)

    frames = list(samples(data, 1.0, max_frames))

    assert len(frames) == min(max_frames, 12)
    assert all(later - earlier >= 0.9 for earlier, later in pairwise(offsets(frames)))
    if max_frames == 30:
        assert offsets(frames) == pytest.approx(range(12), abs=0.11)
    assert_shown(frames)


def test_a_live_recording_without_length_and_index_is_sampled_whole() -> None:
    data = clip("matroska", file=Live(), live="1")

    assert look(data, "a.mkv").duration_seconds is None
    frames = list(samples(data, interval_seconds=0.5, max_frames=4))
    assert offsets(frames)[0] == 0
    assert offsets(frames)[-1] > 6
    assert_shown(frames)


def test_an_uneven_frame_rate_keeps_its_times() -> None:
    data = clip("matroska", frames=40, times=lambda number: number * number / 100)

    frames = list(samples(data, interval_seconds=3.0))

    assert offsets(frames) == [0, 3.24, 6.25, 9.0, 12.25, 15.21]


def test_a_clip_whose_clock_jumped_is_sampled_by_its_frames() -> None:
    data = clip("matroska", frames=50, times=lambda number: number / RATE + (100_000 if number >= 25 else 0))

    frames = list(samples(data, interval_seconds=1.0))

    assert len(frames) == 5
    assert_shown(frames)


def test_a_clip_of_one_frame_has_one_sample() -> None:
    assert offsets(list(samples(clip(frames=1)))) == [0]


@every_kind
def test_a_frame_is_found_again_by_its_offset(name: str, data: bytes) -> None:
    for wanted in (0.0, 4.0, 9.9):
        frame = frame_at(io.BytesIO(data), wanted, max_pixels=10**6)
        assert frame.offset_seconds == pytest.approx(wanted, abs=0.01)
        assert_shown([frame])


def test_past_the_end_the_last_frame_is_shown() -> None:
    assert frame_at(io.BytesIO(MP4), 99.0, max_pixels=10**6).offset_seconds == pytest.approx(9.9)


@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi of mpeg4", "mov", "avi of mjpeg", "mp4 with its index first"])
def test_a_clip_truncated_anywhere_is_recognised(kind: str) -> None:
    name, data = KINDS[kind]
    for length in [1, 7, 11, 12, 50, 300, 1000, *range(2000, len(data) - 64, len(data) // 9)]:
        try:
            found = look(data[:length], name)
        except TruncatedError:
            continue
        assert found.truncated
        reader = samples(data[:length])
        assert list(reader)
        assert reader.damaged


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recordings")


RECORDINGS: dict[str, tuple[str, float, dict[str, Any]]] = {
    "key frames every 2 s, at the start": ("a.mp4", 3.0, {}),
    "key frames every 2 s, at the end": ("a.mp4", 580.0, {}),
    "one key frame": ("a.mkv", 311.5, {"group": 5000}),
    "h265": ("a.mp4", 97.0, {"codec": "libx265", "options": {"preset": "ultrafast", "x265-params": "log-level=none"}}),
    "mjpeg": ("a.avi", 471.3, {"codec": "mjpeg", "pix_fmt": "yuvj420p"}),
}


@pytest.mark.parametrize(("name", "start_seconds", "options"), RECORDINGS.values(), ids=RECORDINGS)
def test_a_visit_in_a_long_recording_gets_several_frames(
    recordings: Path, name: str, start_seconds: float, options: dict[str, Any]
) -> None:
    path = files.recording(recordings / name, visits=[(start_seconds, 18.0)], **options)

    frames = list(samples(path.read_bytes()))

    sampling = frames[0].sampling
    assert sampling is not None
    assert (sampling.periods, sampling.missed) == (1, 0)
    assert sampling.compared >= 290
    during = [frame for frame in frames if start_seconds <= frame.offset_seconds < start_seconds + 18]
    assert len(during) >= 7
    assert all((frame.pixels.max() > 200) == any(frame is one for one in during) for frame in frames)
    assert abs(sum(frame.in_motion for frame in frames) - len(during)) <= 1
    assert len(frames) == 30
    assert offsets(frames)[0] == 0
    assert offsets(frames)[-1] > 590


def test_motion_is_found_up_to_the_end_of_a_truncated_recording(recordings: Path) -> None:
    data = files.recording(recordings / "a.mkv", visits=[(100.0, 18.0)]).read_bytes()

    frames = list(samples(data[: len(data) * 2 // 3]))

    assert sum(100 <= frame.offset_seconds < 118 for frame in frames) >= 7


def test_motion_is_found_by_time_in_an_uneven_frame_rate(recordings: Path) -> None:
    """A camera that sends ten times as many frames while something moves."""
    data = files.recording(recordings / "a.mkv", visits=[(400.0, 18.0)], rate=1, rate_in_visits=10).read_bytes()

    frames = list(samples(data))

    assert sum(400 <= frame.offset_seconds < 418 for frame in frames) >= 7
    assert len(frames) == 30


def test_motion_is_found_in_a_stream_without_times(recordings: Path) -> None:
    data = files.recording(recordings / "a.h264", visits=[(40.0, 18.0)], seconds=96, rate=25, group=50).read_bytes()

    frames = list(samples(data))

    assert sum(40 <= frame.offset_seconds < 58 for frame in frames) >= 7
    assert len(frames) == 30


def test_too_many_pixels_to_decode_are_compared_by_key_frames(
    recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = files.recording(recordings / "a.mp4", visits=[(300.0, 18.0)], group=12).read_bytes()
    monkeypatch.setattr(video, "_MAX_COMPARED_PIXELS", 1000)

    frames = list(samples(data))

    sampling = frames[0].sampling
    assert sampling is not None
    assert sampling.compared == 100
    assert sum(300 <= frame.offset_seconds < 318 for frame in frames) >= 5


def test_a_clip_damaged_in_the_middle_yields_what_can_be_decoded() -> None:
    _, data = KINDS["avi of mpeg4"]
    middle = len(data) // 2
    broken = data[: middle - 4000] + bytes(8000) + data[middle + 4000 :]

    reader = samples(broken, interval_seconds=0.5)
    frames = list(reader)

    assert reader.damaged
    assert frames[0].offset_seconds == 0
    assert len(frames) >= 3


@pytest.mark.parametrize("kind", ["mkv", "avi of h264"])
def test_a_clip_of_which_nothing_can_be_decoded_is_a_fault(kind: str) -> None:
    name, data = KINDS[kind]
    head = data[:200]
    broken = head + bytes(len(data) - len(head))

    with pytest.raises(MediaFaultError):
        look(broken, name)
    with pytest.raises(MediaFaultError):
        list(samples(broken))


@pytest.mark.parametrize("name", ["a.mp4", "a.dav", "a.mkv"])
def test_a_clip_of_0_bytes_is_empty(name: str) -> None:
    with pytest.raises(EmptyError):
        look(b"", name)


def test_space_set_aside_for_a_clip_that_still_arrives_is_truncated() -> None:
    with pytest.raises(TruncatedError):
        look(bytes(10_000))


@pytest.mark.parametrize("data", [b"\xff\xd8\xff\xe0" + bytes(100), b"GIF89a" + bytes(100), b"OggS" + bytes(100)])
def test_content_that_is_no_clip_is_renamed(data: bytes) -> None:
    with pytest.raises(RenamedError):
        look(data)


@pytest.mark.parametrize("text", [b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", b"ffconcat version 1.0\nfile '/etc/passwd'\n"])
def test_a_list_that_names_other_files_is_never_followed(text: bytes) -> None:
    with pytest.raises(RenamedError):
        look(text)
    with pytest.raises(UnsupportedError):
        list(samples(text))


def test_limits_of_bytes_and_pixels_are_kept() -> None:
    with pytest.raises(MediaTooLargeError):
        look(MP4, max_bytes=len(MP4) - 1)
    with pytest.raises(TooManyPixelsError):
        look(MP4, max_pixels=WIDTH * HEIGHT - 1)
    with pytest.raises(TooManyPixelsError):
        list(sample_frames(io.BytesIO(MP4), interval_seconds=1, max_frames=3, max_pixels=WIDTH * HEIGHT - 1))


def test_sound_without_pictures_is_unsupported() -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream: Any = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    with pytest.raises(UnsupportedError):
        look(buffer.getvalue())


class FailingLate(io.BytesIO):
    """A share that goes away while a clip is read."""

    def read(self, count: int | None = -1) -> bytes:
        if self.tell() > 1000:
            raise OSError(5, "Input/output error")
        return super().read(min(count, 500) if count and count > 0 else count)


@pytest.mark.parametrize("kind", ["mkv", "avi of mpeg4", "mp4"])
def test_a_failure_to_read_is_not_a_fault_of_the_clip(kind: str) -> None:
    name, data = KINDS[kind]

    with pytest.raises(OSError, match="Input/output"):
        inspect_clip(FailingLate(data), name=name, max_bytes=10**8, max_pixels=10**6)
    with pytest.raises(OSError, match="Input/output"):
        list(sample_frames(FailingLate(data), interval_seconds=1, max_frames=30, max_pixels=10**6))


SMALL = [clip(frames=12, group=4), clip("matroska", frames=12, group=4), clip("avi", "mpeg4", frames=12, group=4)]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([0, 1, 2]), st.data())
def test_no_damage_raises_anything_but_a_fault(kind: int, data: st.DataObject) -> None:
    broken = bytearray(SMALL[kind])
    for _ in range(data.draw(st.integers(1, 8))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    broken = broken[: data.draw(st.integers(1, len(broken)))]
    try:
        look(bytes(broken), ("a.mp4", "a.mkv", "a.avi")[kind])
        frames = list(samples(bytes(broken), interval_seconds=0.5))
    except MediaFaultError:
        return
    assert 1 <= len(frames) <= 30
    assert offsets(frames) == sorted(offsets(frames))


def test_a_broken_index_is_broken() -> None:
    with pytest.raises(BrokenError):
        look(MP4.replace(b"stsz", b"stsx"))


@pytest.mark.parametrize("matrix", [(0, 1, -1, 0), (0, -1, 1, 0), (-1, 0, 0, -1), (-1, 0, 0, 1), (0, 1, 1, 0)])
def test_a_clip_is_inspected_upright_by_its_matrix(tmp_path: Path, matrix: tuple[int, int, int, int]) -> None:
    """A clip of 160 x 96 with a light square at its top left: where the square is says how it was turned."""
    turned = io.BytesIO(files.turned_mp4(files.mp4(tmp_path / "a.mp4").read_bytes(), matrix))
    expected = (96, 160) if matrix[0] == 0 else (160, 96)
    found = inspect_clip(as_file(turned, tmp_path), name="a.mp4", max_bytes=1 << 24, max_pixels=1 << 24)
    assert (found.width, found.height) == expected
    with Image.open(io.BytesIO(found.thumbnail)) as thumbnail:
        assert thumbnail.size == expected
    (first, *_) = sample_frames(turned, interval_seconds=1, max_frames=3, max_pixels=1 << 24)
    same = frame_at(turned, 0.0, max_pixels=1 << 24)
    assert np.array_equal(first.pixels, same.pixels)
    assert first.pixels.shape == (expected[1], expected[0], 3)
    light = np.argwhere(first.pixels[:, :, 0] > 150)
    top, left = light.min(axis=0)
    bottom, right = light.max(axis=0) + 1
    x, y = (matrix[0] * 15 + matrix[2] * 35, matrix[1] * 15 + matrix[3] * 35)  # the middle of the square
    middle = (x % expected[0], y % expected[1])
    assert abs((left + right) / 2 - middle[0]) <= 3
    assert abs((top + bottom) / 2 - middle[1]) <= 3


def as_file(content: io.BytesIO, folder: Path) -> Any:
    path = folder / "as_file.mp4"
    path.write_bytes(content.getvalue())
    return path.open("rb")
