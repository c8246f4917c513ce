from __future__ import annotations

import logging
import math
import time

import pytest
from django.test import override_settings

from detection.detectors import Box
from detection.detectors.postprocessing import MAX_OBJECTS_PER_PICTURE, RawObject, Sieve

SIZE = (200, 100)
pytestmark = pytest.mark.usefixtures("_threshold")


@pytest.fixture
def _threshold():
    with override_settings(DETECTION_CONFIDENCE_THRESHOLD=0.5):
        yield


def claim(confidence=0.9, left=20.0, top=10.0, right=120.0, bottom=60.0, label="person"):
    return RawObject(label, confidence, left, top, right, bottom)


def test_pixels_become_shares_of_the_picture():
    (found,) = Sieve("t").objects([claim()], SIZE)
    assert (found.label, found.confidence) == ("person", 0.9)
    assert found.box == Box(0.1, 0.1, 0.5, 0.5)


def test_a_box_that_reaches_outside_is_clipped():
    (found,) = Sieve("t").objects([claim(left=-50, top=-1, right=1000, bottom=1e30)], SIZE)
    assert found.box == Box(0.0, 0.0, 1.0, 1.0)


@pytest.mark.parametrize(
    "edges",
    [
        {"left": 200, "right": 300},
        {"left": -30, "right": 0},
        {"top": 100, "bottom": 150},
        {"right": 20},
        {"left": 120, "right": 20},
        {"left": math.nan},
        {"bottom": math.inf},
        {"top": -math.inf},
    ],
)
def test_a_box_that_cannot_be_in_the_picture_is_dropped_and_counted(edges):
    sieve = Sieve("t")
    assert [found.confidence for found in sieve.objects([claim(**edges), claim(0.7)], SIZE)] == [0.7]
    assert sieve.dropped == 1


@pytest.mark.parametrize("confidence", [math.nan, -0.1, 1.01, 95.0, math.inf])
def test_a_confidence_outside_zero_to_one_is_dropped_not_clipped(confidence):
    sieve = Sieve("t")
    assert sieve.objects([claim(confidence)], SIZE) == []
    assert sieve.dropped == 1


def test_weaker_ones_than_the_threshold_are_left_out_without_being_faults():
    sieve = Sieve("t")
    found = sieve.objects([claim(0.49), claim(0.5), claim(1.0), claim(0.0)], SIZE)
    assert [one.confidence for one in found] == [1.0, 0.5]
    assert sieve.dropped == 0


def test_the_threshold_is_the_setting_of_the_moment():
    sieve = Sieve("t")
    with override_settings(DETECTION_CONFIDENCE_THRESHOLD=0.8):
        assert sieve.objects([claim(0.7)], SIZE) == []
    assert len(sieve.objects([claim(0.7)], SIZE)) == 1


def test_without_a_set_threshold_the_detector_has_its_own():
    sieve = Sieve("t")
    claims = [claim(0.3), claim(0.45), claim(0.9)]
    with override_settings(DETECTION_CONFIDENCE_THRESHOLD=0):
        assert len(sieve.objects(claims, SIZE)) == 1
        assert len(sieve.objects(claims, SIZE, 0.4)) == 2
    with override_settings(DETECTION_CONFIDENCE_THRESHOLD=0.2):
        assert len(sieve.objects(claims, SIZE, 0.4)) == 3


def test_of_ten_thousand_boxes_the_best_are_kept_quickly():
    claims = [claim(0.5 + index / 20_000) for index in range(10_000)]
    started = time.process_time()
    found = Sieve("t").objects(claims, SIZE)
    assert time.process_time() - started < 0.5
    assert len(found) == MAX_OBJECTS_PER_PICTURE
    assert found[0].confidence == claims[-1].confidence
    assert found[-1].confidence == claims[-MAX_OBJECTS_PER_PICTURE].confidence


def test_a_faulty_detector_is_logged_once_and_counted(caplog):
    sieve = Sieve("t")
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            sieve.objects([claim(2.0), claim(left=math.nan)], SIZE)
    assert sieve.dropped == 10
    assert len(caplog.records) == 1
