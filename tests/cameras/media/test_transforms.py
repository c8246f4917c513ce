"""Turns, by EXIF data and by display matrix, against Pillow's own and against arithmetic."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

from cameras.media import exif
from cameras.media import transforms as upright
from tests import files

pytestmark = pytest.mark.one_engine

ONE = 1 << 16
PIXELS = np.arange(5 * 3 * 3, dtype=np.uint8).reshape(5, 3, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_exif_data_say(orientation: int, kind: str) -> None:
    data = files.turned(files.corners(), orientation, kind)
    with Image.open(io.BytesIO(data)) as stored:
        turn = exif.read_orientation(stored)
        expected = np.asarray(ImageOps.exif_transpose(stored))
        assert np.array_equal(np.asarray(turn.apply_to_image(stored)), expected)
        assert np.array_equal(turn.apply_to_pixels(np.asarray(stored)), expected)
        assert turn.apply_to_size(stored.size) == (96, 64)
        assert bool(turn) == (orientation > 1)


@pytest.mark.parametrize("value", [0, 9, -1, 65535, "6", None, 6.5, (6, 1)])
def test_an_orientation_that_means_nothing_turns_nothing(value: object) -> None:
    assert upright.orientation_from_exif(value) == upright.AS_STORED


def test_damaged_exif_data_turn_nothing() -> None:
    data = files.turned(files.corners(), 6)
    damaged = data.replace(b"MM\0*", b"XX\xff\xff").replace(b"II*\0", b"XX\xff\xff")
    with Image.open(io.BytesIO(damaged)) as stored:
        assert exif.read_orientation(stored) == upright.AS_STORED


def test_exif_data_of_a_png_count_also_after_the_pixels() -> None:
    data = files.turned(files.corners(), 6, "PNG")
    at = data.index(b"eXIf") - 4
    end = at + 12 + struct.unpack_from(">I", data, at)[0]
    last = data.index(b"IEND") - 4
    moved = data[:at] + data[end:last] + data[at:end] + data[last:]
    with Image.open(io.BytesIO(moved)) as stored:
        assert exif.read_orientation(stored).swaps


def shown(matrix: tuple[int, int, int, int]) -> np.ndarray:
    """The pixels at their places by the definition of the matrix."""
    a, b, c, d = matrix
    points = {(a * p + c * q, b * p + d * q): PIXELS[q, p] for q in range(5) for p in range(3)}
    least = [min(point[axis] for point in points) for axis in (0, 1)]
    most = [max(point[axis] for point in points) for axis in (0, 1)]
    result = np.zeros((most[1] - least[1] + 1, most[0] - least[0] + 1, 3), np.uint8)
    for (x, y), pixel in points.items():
        result[y - least[1], x - least[0]] = pixel
    return result


MATRICES = [(1, 0, 0, 1), (-1, 0, 0, 1), (-1, 0, 0, -1), (1, 0, 0, -1), (0, 1, 1, 0), (0, 1, -1, 0), (0, -1, -1, 0),
            (0, -1, 1, 0)]  # fmt: skip


@pytest.mark.parametrize("matrix", MATRICES)
def test_a_frame_is_turned_by_its_matrix(matrix: tuple[int, int, int, int]) -> None:
    a, b, c, d = (number * ONE for number in matrix)
    turn = upright.orientation_from_matrix(struct.pack("=9i", a, b, 0, c, d, 0, 0, 0, 1 << 30))
    assert np.array_equal(turn.apply_to_pixels(PIXELS), shown(matrix))


def test_an_angle_between_counts_as_the_nearest_quarter_and_nonsense_turns_nothing() -> None:
    nearly = struct.pack("=9i", ONE // 10, ONE, 0, -ONE, ONE // 10, 0, 0, 0, 1 << 30)
    assert upright.orientation_from_matrix(nearly) == upright.orientation_from_exif(6)
    assert upright.orientation_from_matrix(b"") == upright.orientation_from_matrix(bytes(36)) == upright.AS_STORED
