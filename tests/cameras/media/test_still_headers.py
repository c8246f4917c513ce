"""JPEGs as cameras write them: whatever a decoder reads whole is taken, what still arrives is not."""

from __future__ import annotations

import io
import struct
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cameras.media.exif import PILLOW_ERRORS
from cameras.media.formats import BrokenError, MediaFaultError, TooManyPixelsError, TruncatedError
from cameras.media.image_file import ImageInfo, read_image
from cameras.media.still_headers import jpeg_from_start, jpeg_size, webp_size
from tests import files

pytestmark = pytest.mark.one_engine

JPEG = files.jpeg(7, size=(208, 144))
PROGRESSIVE = files.encoded(files.corners((208, 144)), "JPEG", progressive=True)
WEBP = files.encoded(files.corners((208, 144)), "WEBP")
LOSSLESS = files.encoded(files.corners((208, 144)), "WEBP", lossless=True)


def read(data: bytes, name: str = "a.jpg", max_pixels: int = 10**6) -> ImageInfo:
    return read_image(io.BytesIO(data), name=name, max_bytes=10**6, max_pixels=max_pixels)


def places(data: bytes) -> dict[int, int]:
    """Where each marker of the header stands."""
    found, position = {}, 2
    while True:
        marker = data[position + 1]
        found[marker] = position
        if marker == 0xDA:
            return found
        position += 2 + int(struct.unpack_from(">H", data, position + 2)[0])


def inserted(data: bytes, marker: int, what: bytes) -> bytes:
    at = places(data)[marker]
    return data[:at] + what + data[at:]


STRAY = {
    "before the tables": inserted(JPEG, 0xDB, b"\x00\x01\x02\x03\x04"),
    "before the frame": inserted(JPEG, 0xC0, b"CAM" * 300),
    "before the codes": inserted(JPEG, 0xC4, b"\xff\xff\xff\x00\x11"),
    "before the scan": inserted(JPEG, 0xDA, b"\x99"),
    "between scans": PROGRESSIVE.replace(b"\xff\xda", b"\x00\x42\xff\xda"),
    "before the end": JPEG[:-2] + b"\x55\x00\x12" + JPEG[-2:],
    "after the end": JPEG + b"\r\nserial 4711\xff\xd8\xff" + bytes(99),
    "line ends first": b"\r\n\r\n" + JPEG,
    "zeros first": bytes(200) + JPEG,
    "zeros after the start": JPEG[:2] + bytes(7) + JPEG[2:],
    "a second picture": JPEG + PROGRESSIVE,
    "a second picture that is cut": JPEG + PROGRESSIVE[:300],
}


@pytest.mark.parametrize("data", STRAY.values(), ids=STRAY)
def test_stray_bytes_do_not_spoil_a_jpeg(data: bytes) -> None:
    still = read(data)

    assert (still.width, still.height, still.size_bytes) == (208, 144, len(data))


@pytest.mark.parametrize("kind", [kind for kind in STRAY if "second" not in kind and kind != "after the end"])
def test_one_with_stray_bytes_that_is_cut_is_truncated(kind: str) -> None:
    data = STRAY[kind]
    for length in [*range(1, len(data) - 1, 61), len(data) - 1]:
        with pytest.raises(TruncatedError):
            read(data[:length])


def test_stray_bytes_hide_no_limit() -> None:
    at = places(JPEG)[0xC0]
    huge = JPEG[: at + 5] + struct.pack(">HH", 9000, 9000) + JPEG[at + 9 :]

    for data in (inserted(huge, 0xC0, b"\0\1\2"), bytes(9) + huge, huge[:2] + bytes(9) + huge[2:]):
        with pytest.raises(TooManyPixelsError):
            read(data)
    scan = PROGRESSIVE.rfind(b"\xff\xda")
    with pytest.raises(BrokenError):
        read(PROGRESSIVE[:-2] + (b"\x42" + PROGRESSIVE[scan:-2]) * 200 + PROGRESSIVE[-2:])


@pytest.mark.parametrize("stray", [b"\0", b"\0\0\0", b"\x12", b"\xff\0", b"\0\xff\0\x41"])
@pytest.mark.parametrize("at", [2, 3])
def test_bytes_within_the_first_markers_are_passed_over_where_decoders_do(stray: bytes, at: int) -> None:
    data = JPEG[:at] + stray + JPEG[at:]
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            image.load()
    except PILLOW_ERRORS:
        return
    assert read(data).width == 208


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(max_examples=250, deadline=None)
@given(st.sampled_from([JPEG, PROGRESSIVE]), st.data())
def test_what_the_decoder_reads_whole_is_taken(original: bytes, data: st.DataObject) -> None:
    end = places(original)[0xDA]
    changed = bytearray(original)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(2, end))
        stray = data.draw(st.binary(min_size=1, max_size=6))
        changed[at:at] = stray
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(bytes(changed)), formats=["JPEG"]) as image:
            warnings.simplefilter("ignore")
            image.load()
            size = image.size
    except PILLOW_ERRORS:
        size = None
    try:
        still = read(bytes(changed), max_pixels=10**9)
    except MediaFaultError:
        assert size is None
        return
    assert size in (None, (still.width, still.height))
    assert jpeg_size(jpeg_from_start(bytes(changed))) == (still.width, still.height)


def test_webp_is_read_whole_or_not_at_all() -> None:
    assert webp_size(WEBP) == webp_size(LOSSLESS) == (208, 144)
    assert (read(WEBP).width, read(LOSSLESS, "a.webp").height) == (208, 144)
    for data in (WEBP, LOSSLESS):
        for length in range(1, len(data), 41):
            with pytest.raises(TruncatedError):
                read(data[:length])
        with pytest.raises(TooManyPixelsError):
            read(data, max_pixels=208 * 144 - 1)


def test_webp_with_a_canvas_is_measured_by_it_and_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    files.corners((90, 60)).save(buffer, "WEBP", exif=exif)

    assert webp_size(buffer.getvalue()) == (90, 60)
    assert (read(buffer.getvalue()).width, read(buffer.getvalue()).height) == (60, 90)
