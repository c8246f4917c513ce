"""What counts as motion in small grey frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cameras.media.motion import MotionMeter, comparison_size

pytestmark = pytest.mark.one_engine

Picture = NDArray[Any]
DOWN, ACROSS = 96, 160
VISIT = range(60, 70)


def scene() -> Picture:
    """A yard with some structure."""
    rows, columns = np.mgrid[:DOWN, :ACROSS]
    yard: Picture = 90 + 40 * np.sin(columns / 9) + 25 * np.cos(rows / 7)
    return yard


def with_person(picture: Picture, second: int) -> Picture:
    """A figure of 10 x 24 pixels that walks during `VISIT`."""
    shown = picture.copy()
    if second in VISIT:
        left = 30 + 6 * (second - VISIT.start)
        shown[40:64, left : left + 10] = 230
    return shown


def still(picture: Picture, second: int) -> Picture:
    return picture


def noisy(picture: Picture, second: int) -> Picture:
    return picture + np.random.default_rng(second).normal(0, 4, picture.shape)


def dark_and_noisy(picture: Picture, second: int) -> Picture:
    return picture * 0.35 + np.random.default_rng(second).normal(0, 3, picture.shape)


def rain(picture: Picture, second: int) -> Picture:
    random = np.random.default_rng(second)
    shown = noisy(picture, second)
    for x, y in zip(random.integers(0, ACROSS, 12), random.integers(0, DOWN - 5, 12), strict=True):
        shown[y : y + 5, x] = 230
    return shown


def clock(picture: Picture, second: int) -> Picture:
    """Digits in the picture: seconds that always change, and tens of seconds and minutes next to them."""
    shown = picture.copy()
    for place, digit in ((140, second % 10), (132, second // 10 % 6), (118, second // 60)):
        shown[4:16, place : place + 7] = 20
        shown[5 + digit : 8 + digit, place + 1 : place + 6] = 250
    return shown


def tree(picture: Picture, second: int) -> Picture:
    shown = picture.copy()
    shown[10:50, 100:140] += 50 * np.sin(second * 1.7)
    return shown


def exposure(picture: Picture, second: int) -> Picture:
    shown: Picture = picture * (1 + 0.2 * np.sin(second / 15))
    return shown


CONDITIONS = [still, noisy, dark_and_noisy, rain, clock, tree, exposure]


def amounts(picture_at: Callable[[int], Picture], seconds: int = 120) -> list[float]:
    meter = MotionMeter()
    for second in range(seconds):
        meter.add(float(second), np.clip(picture_at(second), 0, 255).astype(np.uint8))
    measured = meter.amounts()
    assert [offset for offset, _ in measured] == [float(second) for second in range(seconds)]
    return [amount for _, amount in measured]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_person_stands_out_from_the_picture(condition: Callable[[Picture, int], Picture]) -> None:
    measured = amounts(lambda second: condition(with_person(scene(), second), second))

    during = [measured[second] for second in VISIT]
    others = sorted(amount for second, amount in enumerate(measured) if second not in VISIT)
    assert min(during) > 2 * others[int(len(others) * 0.9)]
    assert min(during) > 2


def test_nothing_moves_in_noise() -> None:
    assert max(amounts(lambda second: noisy(scene(), second))) == 0


def test_light_and_infrared_count_as_little_as_the_smallest_motion() -> None:
    measured = amounts(lambda second: scene() + 60 if second < 40 else scene() if second < 80 else 255 - scene())

    assert [second for second, amount in enumerate(measured) if amount] == [40, 80]
    assert measured[40] == measured[80] == 1.0


def test_a_camera_that_turns_counts_as_little_as_the_smallest_motion() -> None:
    wide = np.random.default_rng(1).integers(0, 255, (DOWN // 8, 200)).repeat(8, 0).repeat(8, 1).astype(float)
    measured = amounts(lambda second: wide[:, 11 * second : 11 * second + ACROSS])

    assert set(measured[1:]) == {1.0}


def test_what_stays_becomes_part_of_the_picture() -> None:
    def parked(second: int) -> Picture:
        shown = scene()
        if second >= 30:
            shown[40:70, 40:100] = 240
        return shown

    measured = amounts(parked)

    assert min(measured[30:45]) > 5
    assert max(measured[60:]) == 0


@pytest.mark.parametrize(
    ("size", "compared"),
    [((1920, 1080), (320, 176)), ((1080, 1920), (104, 176)), ((160, 96), (160, 96)), ((3000, 2), (320, 24))],
)
def test_frames_are_compared_small_and_in_whole_cells(size: tuple[int, int], compared: tuple[int, int]) -> None:
    assert comparison_size(*size) == compared


def test_no_frames_have_no_motion() -> None:
    assert MotionMeter().amounts() == []
