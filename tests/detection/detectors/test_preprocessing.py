from __future__ import annotations

import numpy as np
import pytest

from cameras.media.picture import Picture
from detection.detectors.preprocessing import PADDING, canvas, fitted_size, is_flat, resized, value_range
from tests.detection.pictures import plain, scene

pytestmark = pytest.mark.one_engine


def night(share: float, noise: float):
    """A drawn scene in little light, seen by a noisy sensor: grey."""
    grey = np.asarray(scene((640, 360), 0.5).convert("L"), dtype=np.float64) * share
    grey += np.random.default_rng(1).normal(0, noise, grey.shape)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


@pytest.mark.parametrize(
    ("picture", "fitted"),
    [((1920, 1080), (416, 234)), ((1080, 1920), (234, 416)), ((100, 100), (416, 416)), ((5000, 2), (416, 1))],
)
def test_a_picture_keeps_its_shape_in_the_input(picture, fitted):
    assert fitted_size(picture, (416, 416)) == fitted


def test_the_rest_of_a_letterboxed_input_is_grey():
    drawn = canvas(plain((200, 100)), (64, 64), letterbox=True)
    assert drawn.pixels.shape == (64, 64, 3)
    assert drawn.share == (1.0, 0.5)
    assert (drawn.pixels[32:] == PADDING).all()
    assert not (drawn.pixels[:32] == PADDING).all()


def test_a_stretched_picture_fills_the_input():
    drawn = canvas(plain((200, 100)), (64, 64), letterbox=False)
    assert drawn.share == (1.0, 1.0)
    assert not (drawn.pixels[60:] == PADDING).any()


@pytest.mark.parametrize("letterbox", [True, False])
def test_a_large_picture_is_decoded_reduced(letterbox):
    picture = plain((1920, 1080))
    assert canvas(picture, (640, 640), letterbox=letterbox).pixels.shape == (640, 640, 3)
    assert "pixels" not in picture.__dict__


def test_a_dark_flat_picture_is_stretched_and_a_bright_one_is_left_alone():
    dark, bright = night(0.2, 4), np.asarray(scene((640, 360), 0.5))
    assert is_flat(dark)
    assert not is_flat(bright)
    darkest, brightest = value_range(resized(dark, (416, 234)))
    assert darkest <= 3
    assert brightest >= 252
    assert (resized(bright, (640, 360)) == bright).all()


def test_the_noise_of_a_dark_picture_is_smoothed_before_it_is_stretched():
    smooth = resized(night(0.2, 10), (640, 360)).astype(np.float64)
    bare = night(0.2, 10).astype(np.float64)
    low, high = value_range(bare.astype(np.uint8))
    bare = np.clip((bare - low) * 255 / (high - low), 0, 255)
    wall = np.s_[100:120, 300:330, 0]  # one colour, drawn
    assert smooth[wall].std() < bare[wall].std() * 0.75


def test_a_picture_of_one_colour_stays_what_it_is():
    pixels = np.full((40, 60, 3), 77, np.uint8)
    assert (resized(pixels, (30, 20)) == 77).all()


def test_a_picture_smaller_than_the_input_is_enlarged():
    pixels = np.asarray(scene((64, 48), 0.5))
    assert canvas(Picture(pixels=pixels), (416, 416), letterbox=True).share == (1.0, 0.75)
