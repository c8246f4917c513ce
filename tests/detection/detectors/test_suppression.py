from __future__ import annotations

import time

import numpy as np
import pytest

from detection.detectors.suppression import MAX_COMPARED, overlaps, strongest

pytestmark = pytest.mark.one_engine
ONE, SHIFTED, FAR = (0, 0, 10, 10), (0, 0, 10, 8), (50, 50, 60, 60)


def kept(labels, scores, *edges, **named):
    return strongest(labels, np.array(scores), np.array(edges, dtype=np.float64), **named)


def test_of_two_boxes_on_one_object_the_surer_is_kept():
    assert kept(["person"] * 3, [0.5, 0.9, 0.6], ONE, SHIFTED, FAR) == [1, 2]


def test_two_labels_may_be_in_one_place():
    assert kept(["person", "bicycle"], [0.5, 0.9], ONE, ONE) == [1, 0]


@pytest.mark.parametrize("other", ["truck", "bus", "van"])
def test_one_vehicle_is_not_a_car_and_a_truck(other):
    assert kept(["car", other], [0.5, 0.9], ONE, SHIFTED) == [1]


def test_boxes_that_overlap_little_are_two_objects():
    assert kept(["car", "car"], [0.9, 0.8], ONE, (6, 0, 16, 10)) == [0, 1]
    assert kept(["car", "car"], [0.9, 0.8], ONE, (6, 0, 16, 10), overlap=0.2) == [0]


def test_overlap_is_intersection_over_union_and_never_a_fault():
    one = np.array(ONE, dtype=np.float64)
    others = np.array([ONE, SHIFTED, FAR, (5, 5, 5, 5), (np.nan, 0, 1, 1), (0, 0, np.inf, 1)], dtype=np.float64)
    assert overlaps(one, others) == pytest.approx([1.0, 0.8, 0, 0, 0, 0])


def test_no_boxes_are_no_objects():
    assert strongest([], np.empty(0), np.empty((0, 4))) == []


def test_ten_thousand_boxes_are_compared_quickly():
    places = np.random.default_rng(1).random((10_000, 2)) * 1000
    started = time.process_time()
    assert len(strongest(["cup"] * 10_000, np.ones(10_000), np.hstack([places, places + 1]))) <= MAX_COMPARED
    assert time.process_time() - started < 0.5
