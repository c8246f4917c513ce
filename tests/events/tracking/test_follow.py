"""Which sightings are one object: at the rates of cameras, with gaps, double boxes, and several people."""

from __future__ import annotations

import random
import time
from datetime import timedelta

import pytest

from events.tracking.follow import FARTHEST_ALONE, LONGEST_GAP_SECONDS, MOST_IN_PICTURE, follow
from tests.events.tracking.walks import NOON, WIDTH, ids, sighting, walk

pytestmark = pytest.mark.one_engine


@pytest.mark.parametrize("every", [0.1, 0.5, 1, 2, 5])
def test_one_person_who_walks_through_is_one_track_at_every_rate(every: float):
    assert len(follow(walk(0, 10, 0.05, 0.09, every=every))) == 1


@pytest.mark.parametrize("every", [0.1, 0.5, 1])
def test_two_people_who_meet_and_pass_keep_their_tracks(every: float):
    one, other = walk(0, 8, 0.1, 0.1, every=every), walk(0, 8, 0.95, -0.1, every=every, number=1, y=0.58)
    assert ids(follow([*one, *other])) == ids([one, other])


def test_two_people_side_by_side_are_two_tracks():
    one, other = walk(0, 8, 0.1, 0.1, every=0.5), walk(0, 8, 0.17, 0.1, every=0.5, number=1)
    assert ids(follow([*one, *other])) == ids([one, other])


def test_the_order_of_arrival_does_not_matter():
    seen = [*walk(0, 8, 0.1, 0.1, every=0.5), *walk(2, 8, 0.9, -0.05, every=0.5, number=1)]
    expected = ids(follow(seen))
    random.Random(1).shuffle(seen)
    assert ids(follow(seen)) == expected


def test_a_person_behind_a_tree_is_found_where_expected():
    seen = walk(0, 8, 0.1, 0.1, every=0.5)
    stands = walk(0, 8, 0.95, 0, every=0.5, number=1)  # shows that the camera took pictures meanwhile
    hidden = [one for one in seen if not 3 < (one.at - NOON).total_seconds() < 5.5]
    assert ids(follow([*hidden, *stands])) == ids([hidden, stands])


def test_a_person_who_comes_back_somewhere_else_after_other_pictures_is_another_track():
    stands = walk(0, 12, 0.95, 0, every=0.5, number=1)
    first, second = walk(0, 2, 0.3, 0, every=0.5), walk(10, 12, 0.5, 0, every=0.5)
    assert ids(follow([*first, *second, *stands])) == ids([first, stands, second])


def test_somebody_else_after_a_pause_of_many_intervals_is_another_track():
    assert len(follow([*walk(0, 5, 0.1, 0.1, every=0.5), *walk(20, 25, 0.9, -0.1, every=0.5)])) == 2


def test_a_person_who_stands_still_through_a_pause_is_one_track():
    assert len(follow([*walk(0, 5, 0.4, 0, every=0.5), *walk(25, 28, 0.41, 0, every=0.5)])) == 1


def test_a_pause_that_is_too_long_ends_every_track():
    assert len(follow([sighting(0, 0.4), sighting(LONGEST_GAP_SECONDS + 1, 0.4)])) == 2


def test_a_lone_person_may_be_far_from_the_last_place_and_one_of_two_may_not():
    away = 0.1 + (FARTHEST_ALONE - 1) * WIDTH
    assert len(follow([sighting(0, 0.1), sighting(10, away)])) == 1
    assert len(follow([sighting(0, 0.1), sighting(0, 0.1, 0.9, number=1), sighting(10, away)])) == 3


def test_two_boxes_of_one_object_in_a_picture_are_one_track():
    car = walk(0, 4, 0.3, 0.02, every=1, label="car")
    truck = walk(0, 4, 0.302, 0.02, every=1, label="truck", number=1, confidence=0.5)
    assert ids(follow([*car, *truck])) == ids([[*car, *truck]])


def test_a_label_that_changes_within_its_group_keeps_the_track():
    labels = ["car", "truck", "car", "bus", "car"]
    assert len(follow(sighting(index, 0.3, label=label) for index, label in enumerate(labels))) == 1


def test_a_person_and_a_dog_in_one_place_are_two_tracks():
    assert len(follow([*walk(0, 4, 0.3, 0, every=1), *walk(0, 4, 0.3, 0, every=1, label="dog", number=1)])) == 2


def test_a_size_that_cannot_be_is_another_object():
    near, far = sighting(0, 0.5, 0.5, size=(0.06, 0.2)), sighting(0.5, 0.5, 0.5, size=(0.18, 0.6))
    assert len(follow([near, far])) == 2


def test_pictures_of_one_second_are_in_the_order_of_their_arrival():
    """Cameras that name files by whole seconds may upload several in each."""
    seen = [
        sighting(index / 5, 0.1 + 0.015 * index, picture=(index, None), at=NOON + timedelta(seconds=index // 5))
        for index in range(40)
    ]
    assert ids(follow(seen)) == ids([seen])


def test_frames_of_a_clip_are_pictures_of_their_own():
    seen = [sighting(index / 5, 0.1 + 0.02 * index, picture=(7, index / 5)) for index in range(30)]
    assert ids(follow(seen)) == ids([seen])


def test_a_flood_of_objects_is_cut_in_each_picture():
    flood = [sighting(at, 0.1 + 0.01 * (n % 80), 0.1 + 0.1 * (n // 80), number=n, size=(0.005, 0.01), confidence=0.5)
             for at in (0, 1) for n in range(90)]  # fmt: skip
    assert sum(map(len, follow(flood))) == 2 * MOST_IN_PICTURE


def test_two_thousand_detections_take_a_moment():
    """The figure is in docs/tracks.md. The limit here is for a busy machine."""
    seen = [one for n in range(5) for one in walk(0, 199.5, 0.1 + 0.15 * n, 0.0005, every=0.5, number=n)]
    assert len(seen) == 2000
    began = time.process_time()
    assert len(follow(seen)) == 5
    assert time.process_time() - began < 1
