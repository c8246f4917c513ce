"""Pictures read again to be looked at: upright, of eight bits, of the right content and no other."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cameras.files import content
from cameras.media import formats, image_file, render
from cameras.media.transforms import Box, crop
from tests import files

pytestmark = pytest.mark.one_engine

MOST_PIXELS = 4_000_000


def rendered(data: bytes, folder: Path, **wanted: Any) -> render.RenderedPicture:
    path = folder / "picture"
    path.write_bytes(data)
    with path.open("rb") as file:
        return render.render_pixels(file, sha256=hashlib.sha256(data).hexdigest(), max_pixels=MOST_PIXELS, **wanted)


def upright(data: bytes, folder: Path) -> render.UprightFile:
    path = folder / "picture"
    path.write_bytes(data)
    with path.open("rb") as file:
        return render.render_upright(file, sha256=hashlib.sha256(data).hexdigest(), max_pixels=MOST_PIXELS)


def difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one.convert("RGB"), int) - np.asarray(other.convert("RGB"), int)).mean())


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_seen_upright(tmp_path: Path, orientation: int, kind: str) -> None:
    scene = files.corners((480, 320))
    data = files.turned(scene, orientation, kind)
    whole = rendered(data, tmp_path)
    assert (whole.size, whole.image.size) == ((480, 320), (480, 320))
    assert difference(whole.image, scene) < 3
    small = rendered(data, tmp_path, most=(120, 480)).image
    assert small.size == (120, 80)
    assert difference(small, scene.resize((120, 80))) < 6
    part = rendered(data, tmp_path, box=(0.7, 0.0, 1.0, 0.3), most=(320, 320)).image
    assert difference(part, Image.new("RGB", part.size, "lime")) < 8
    reduced = rendered(data, tmp_path, least=(100, 60), mode="L").image
    assert (reduced.mode, reduced.width / reduced.height) == ("L", 1.5)
    sent = upright(data, tmp_path)
    assert sent.size == (480, 320)
    with Image.open(io.BytesIO(sent.encoded)) as image:
        assert image.getexif().get(0x0112, 1) == 1
        assert difference(image, scene) < 4
    assert (sent.encoded == data) == (orientation == 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_intake_stores_the_size_and_a_thumbnail_as_a_person_sees_them(orientation: int) -> None:
    data = files.turned(files.corners((960, 640)), orientation)
    still = image_file.read_image(io.BytesIO(data), name="a.jpg", max_bytes=1 << 24, max_pixels=MOST_PIXELS)
    assert (still.width, still.height) == (960, 640)
    with Image.open(io.BytesIO(still.thumbnail)) as thumbnail:
        assert thumbnail.size == (480, 320)
        assert difference(thumbnail, files.corners((480, 320))) < 6


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_grey_of_higher_depth_looks_the_same_in_eight_bits(tmp_path: Path, bits: int) -> None:
    eight = np.tile(np.arange(256, dtype=np.uint16), (64, 1))
    data = files.grey16(eight << (bits - 8))
    whole = rendered(data, tmp_path, mode="L").image
    assert np.array_equal(np.asarray(whole), eight)
    with Image.open(io.BytesIO(upright(data, tmp_path).encoded)) as sent:
        assert np.abs(np.asarray(sent.convert("L"), int) - eight).mean() < 2
    still = image_file.read_image(io.BytesIO(data), name="a.png", max_bytes=1 << 24, max_pixels=MOST_PIXELS)
    with Image.open(io.BytesIO(still.thumbnail)) as thumbnail:
        assert np.abs(np.asarray(thumbnail.convert("L"), int) - eight).mean() < 3


def test_black_of_sixteen_bits_stays_black(tmp_path: Path) -> None:
    assert rendered(files.grey16(np.zeros((8, 8))), tmp_path).image.getextrema() == ((0, 0),) * 3


@pytest.mark.parametrize(
    ("box", "size"),
    [((0, 0, 1, 1), (96, 64)), ((1, 1, 1, 1), (1, 1)), ((0.5, 0.5, 0.5, 0.5), (1, 1)), ((0.25, 0, 0.75, 2), (48, 64))],
)
def test_every_box_can_be_cut_out(box: Box, size: tuple[int, int]) -> None:
    assert crop(files.corners(), box).size == size


def test_a_very_tall_picture_is_made_narrow(tmp_path: Path) -> None:
    data = files.encoded(Image.new("RGB", (10, 4000), "red"), "PNG")
    assert rendered(data, tmp_path, most=(320, 1280)).image.size == (3, 1280)


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "AVIF", "BMP", "PPM", "ICO"])
def test_nothing_but_the_formats_of_intake_is_decoded(tmp_path: Path, kind: str) -> None:
    with pytest.raises(formats.BrokenError):
        rendered(files.encoded(Image.new("RGB", (32, 32), "red"), kind), tmp_path)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    with pytest.raises(formats.TooManyPixelsError):
        rendered(files.encoded(Image.new("1", (3000, 3000)), "PNG"), tmp_path)
    with pytest.raises(formats.TooManyPixelsError):
        upright(files.encoded(Image.new("1", (14_000, 14_000)), "PNG"), tmp_path)


def test_a_truncated_picture_is_reported(tmp_path: Path) -> None:
    with pytest.raises(formats.TruncatedError):
        rendered(files.jpeg()[:-800], tmp_path)


def test_other_bytes_than_those_of_intake_are_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(files.jpeg(1))
    taken_in = hashlib.sha256(files.jpeg(1)).hexdigest()
    with path.open("rb") as file:
        assert render.render_pixels(file, sha256=taken_in, max_pixels=MOST_PIXELS).size == (320, 180)
        path.write_bytes(files.jpeg(2))
        with pytest.raises(content.ContentChangedError):
            render.render_pixels(file, sha256=taken_in, max_pixels=MOST_PIXELS)
        path.write_bytes(files.jpeg(1) + b"\0")
        with pytest.raises(content.ContentChangedError):
            render.render_upright(file, sha256=taken_in, max_pixels=MOST_PIXELS)


@pytest.mark.parametrize("lossless", [0, 1])
def test_detectors_get_a_webp_as_a_jpeg(tmp_path: Path, lossless: int) -> None:
    found = upright(files.encoded(files.corners(), "WEBP", lossless=lossless), tmp_path)

    assert found.encoded.startswith(b"\xff\xd8\xff")
    with Image.open(io.BytesIO(found.encoded)) as image:
        assert difference(image, files.corners()) < 12


@pytest.mark.parametrize("stray", [b"\r\n" + files.jpeg(), files.jpeg()[:2] + bytes(3) + files.jpeg()[2:]])
def test_detectors_get_a_jpeg_without_the_stray_bytes_before_it(tmp_path: Path, stray: bytes) -> None:
    assert upright(stray, tmp_path).encoded == files.jpeg()
    assert rendered(stray, tmp_path).size == (320, 180)
