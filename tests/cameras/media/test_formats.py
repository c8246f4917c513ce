"""Pictures good and bad, as intake meets them."""

import hashlib
import io
import struct
import threading
import tracemalloc
import zlib
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFile

from cameras.media.formats import (
    BrokenError,
    EmptyError,
    MediaFaultError,
    MediaTooLargeError,
    RenamedError,
    TooManyPixelsError,
    TruncatedError,
    extension,
    kind_from_name,
)
from cameras.media.image_file import ImageInfo, read_image


def drawn(width: int = 320, height: int = 240, mode: str = "RGB") -> Image.Image:
    image = Image.new("RGB", (width, height), (40, 90, 60))
    draw = ImageDraw.Draw(image)
    for number in range(0, width, 7):
        draw.line((number, 0, width - number, height), fill=(number % 256, 200, 30))
    return image.convert(mode)


def saved(image: Image.Image, kind: str = "JPEG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def with_exif(taken: str) -> bytes:
    image = drawn()
    exif = image.getexif()
    exif.get_ifd(0x8769)[0x9003] = taken
    return saved(image, exif=exif)


def read(data: bytes, name: str = "a.jpg", max_bytes: int = 1_000_000, max_pixels: int = 10_000_000) -> ImageInfo:
    return read_image(io.BytesIO(data), name=name, max_bytes=max_bytes, max_pixels=max_pixels)


JPEG = saved(drawn())
PNG = saved(drawn(), "PNG")
PROGRESSIVE = saved(drawn(), progressive=True)
EXIF = with_exif("2024:01:15 14:30:52")


def test_a_picture_is_hashed_measured_and_made_small() -> None:
    data = saved(drawn(1920, 1080), quality=85)

    still = read(data)

    assert still.sha256 == hashlib.sha256(data).hexdigest()
    assert (still.width, still.height, still.size_bytes) == (1920, 1080, len(data))
    assert still.exif_time is None
    with Image.open(io.BytesIO(still.thumbnail)) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("JPEG", (480, 270))
        whole = drawn(1920, 1080).resize((480, 270), Image.Resampling.BILINEAR)
        difference = np.abs(np.asarray(thumbnail, dtype=int) - np.asarray(whole, dtype=int))
    assert difference.mean() < 12


@pytest.mark.parametrize("size", [(1, 1), (3, 1000), (1000, 1), (479, 5), (481, 5), (1281, 721)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_thumbnail_is_never_larger_than_the_picture_nor_without_area(size: tuple[int, int], kind: str) -> None:
    still = read(saved(drawn(*size), kind), name="a.jpg" if kind == "JPEG" else "a.png")

    with Image.open(io.BytesIO(still.thumbnail)) as thumbnail:
        assert 1 <= thumbnail.width <= min(480, size[0])
        assert 1 <= thumbnail.height <= size[1]


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("L", "JPEG"), ("CMYK", "JPEG"), ("P", "PNG"), ("1", "PNG"), ("LA", "PNG"), ("RGBA", "PNG"), ("L", "PNG")],
)
def test_every_colour_mode_has_a_thumbnail(mode: str, kind: str) -> None:
    still = read(saved(drawn(640, 480, mode), kind), name="a.jpg" if kind == "JPEG" else "a.png")

    with Image.open(io.BytesIO(still.thumbnail)) as thumbnail:
        assert thumbnail.size == (480, 360)


def test_sixteen_bit_grey_is_not_clipped_to_white() -> None:
    grey = np.linspace(0, 65535, 640 * 480).reshape(480, 640).astype(np.uint16)

    still = read(saved(Image.fromarray(grey), "PNG"), name="a.png")

    with Image.open(io.BytesIO(still.thumbnail)) as thumbnail:
        assert 110 < np.asarray(thumbnail).mean() < 145


@pytest.mark.parametrize("data", [JPEG, PROGRESSIVE, EXIF], ids=["baseline", "progressive", "exif"])
def test_a_jpeg_cut_anywhere_is_truncated(data: bytes) -> None:
    for length in [*range(1, 700), *range(700, len(data) - 20, 97), *range(len(data) - 20, len(data))]:
        with pytest.raises(TruncatedError):
            read(data[:length])


def test_a_png_cut_anywhere_is_truncated() -> None:
    for length in [*range(1, 100), *range(100, len(PNG), 53), *range(len(PNG) - 20, len(PNG))]:
        with pytest.raises(TruncatedError):
            read(PNG[:length], name="a.png")


def test_a_cut_jpeg_with_an_embedded_thumbnail_is_truncated() -> None:
    inner = saved(drawn(32, 24))
    data = JPEG[:2] + b"\xff\xe1" + struct.pack(">H", len(inner) + 2) + inner + JPEG[2:]

    assert read(data).width == 320
    with pytest.raises(TruncatedError):
        read(data[: len(data) // 2])


def test_space_set_aside_for_a_file_that_still_arrives_is_truncated() -> None:
    with pytest.raises(TruncatedError):
        read(bytes(10_000))
    with pytest.raises(TruncatedError):
        read(JPEG[: len(JPEG) // 2].ljust(len(JPEG), b"\0"))


def test_what_cameras_append_after_the_end_is_no_damage() -> None:
    assert read(JPEG + bytes(5000)).width == 320
    assert read(JPEG + b"vendor data \xff\xe1 of its own").width == 320


@pytest.mark.parametrize("data", [b"GIF89a" + bytes(100), b"<html></html>", b"\x7fELF" + bytes(60), b"BM" + bytes(60)])
def test_content_that_is_no_picture_and_no_clip_is_renamed(data: bytes) -> None:
    with pytest.raises(RenamedError):
        read(data)


def test_an_empty_file_is_empty() -> None:
    with pytest.raises(EmptyError):
        read(b"")


class Unreadable(io.BytesIO):
    def read(self, *arguments) -> bytes:
        raise AssertionError("it was read")


def test_a_file_of_300_megabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with path.open("wb") as file:
        file.truncate(300 * 1024 * 1024)
    tracemalloc.start()
    try:
        with path.open("rb") as file, pytest.raises(MediaTooLargeError):
            read_image(file, name="a.jpg", max_bytes=32 * 1024**2, max_pixels=10_000_000)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    with pytest.raises(MediaTooLargeError):
        read_image(Unreadable(bytes(100)), name="a.jpg", max_bytes=99, max_pixels=1)


def test_no_more_memory_is_taken_than_the_file_has_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(JPEG)
    tracemalloc.start()
    try:
        with path.open("rb") as file:
            read_image(file, name="a.jpg", max_bytes=10**9, max_pixels=10_000_000)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_hundred_megapixels_are_refused_by_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(*arguments) -> None:
        raise AssertionError("a decoder was asked")

    header = JPEG.find(b"\xff\xc0")
    jpeg = JPEG[: header + 5] + struct.pack(">HH", 10_000, 10_000) + JPEG[header + 9 :]
    chunk = b"IHDR" + struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0)
    png = PNG[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + PNG[33:]
    monkeypatch.setattr(Image, "open", decoded)

    for data, name in ((jpeg, "a.jpg"), (png, "a.png")):
        with pytest.raises(TooManyPixelsError):
            read(data, name=name, max_pixels=50_000_000)


def test_a_picture_beyond_the_guard_of_the_decoder_is_always_refused() -> None:
    header = JPEG.find(b"\xff\xc0")
    data = JPEG[: header + 5] + struct.pack(">HH", 20_000, 20_000) + JPEG[header + 9 :]

    with pytest.raises(TooManyPixelsError):
        read(data, max_pixels=500_000_000)


def test_a_picture_of_countless_scans_is_refused() -> None:
    scan = PROGRESSIVE.rfind(b"\xff\xda")
    data = PROGRESSIVE[:-2] + PROGRESSIVE[scan:-2] * 200 + PROGRESSIVE[-2:]

    with pytest.raises(BrokenError):
        read(data, max_bytes=10_000_000)


def test_a_picture_without_area_is_broken() -> None:
    header = JPEG.find(b"\xff\xc0")

    with pytest.raises(BrokenError):
        read(JPEG[: header + 5] + bytes(4) + JPEG[header + 9 :])


def test_the_time_in_the_exif_data_is_read() -> None:
    assert read(EXIF).exif_time == datetime(2024, 1, 15, 14, 30, 52)  # noqa: DTZ001 - naive, as cameras write it


@pytest.mark.parametrize(
    "taken", ["0000:00:00 00:00:00", "    :  :     :  :  ", "1970:01:01 00:00:00", "yesterday", ""]
)
def test_a_time_that_is_none_is_no_damage(taken: str) -> None:
    assert read(with_exif(taken)).exif_time is None


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(max_examples=150, deadline=None)
@given(st.sampled_from([JPEG, PROGRESSIVE, EXIF, PNG]), st.data())
def test_no_damage_raises_anything_but_a_fault(original: bytes, data: st.DataObject) -> None:
    broken = bytearray(original)
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, min(len(broken), 800) - 1))] = data.draw(st.integers(0, 255))
    try:
        still = read(bytes(broken), name="a.png" if original is PNG else "a.jpg")
    except MediaFaultError:
        return
    assert still.thumbnail.startswith(b"\xff\xd8")


def test_a_failure_to_read_is_not_a_fault_of_the_file() -> None:
    class Failing(io.BytesIO):
        def read(self, *arguments) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        read_image(Failing(JPEG), name="a.jpg", max_bytes=10**6, max_pixels=10**6)


def test_many_threads_judge_side_by_side_and_leave_the_decoder_strict() -> None:
    results: list[str] = []

    def judge(data: bytes) -> None:
        for _ in range(10):
            try:
                results.append(read(data).sha256)
            except TruncatedError:
                results.append("truncated")

    threads = [threading.Thread(target=judge, args=(d,)) for d in (JPEG, JPEG[:-300], EXIF, EXIF[:-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results.count("truncated") == 20
    assert {hashlib.sha256(JPEG).hexdigest(), hashlib.sha256(EXIF).hexdigest()} <= set(results)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, "image") for name in ("a.JPG", "a.b.jpeg", "x/a.png", "a.WebP")),
        *(
            (name, "video")
            for name in ("a.mp4", "a.MKV", "14.30.52-14.31.12[M][0@0][0].dav", "a.h265", "a.TS", "a.vob")
        ),
        *((name, None) for name in ("a.txt", "jpg", ".jpg", "a.jpg/b", "", "a.gif", "a.m3u8", "a.mpd", "a.sdp")),
    ],
)
def test_the_extension_decides_what_a_file_may_be(name: str, kind: str | None) -> None:
    assert kind_from_name(name) == kind


def test_the_extension_is_the_last_one_in_lower_case() -> None:
    assert extension("cam.era/a.tar.GZ") == ".gz"
