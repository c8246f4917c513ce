"""What an object did: its path, its zones, how it came and went, and how many people there were at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from events.tracking.follow import Sighting, follow
from events.tracking.movement import MOST_POINTS, Side, ZoneStay, movement_of, people_at_once
from tests.events.tracking.walks import NOON, sighting, walk

pytestmark = pytest.mark.one_engine


def in_zones(*zones: str, every: float = 1) -> list[Sighting]:
    """One sighting after the other, each in the zones named by its letters."""
    return [sighting(index * every, 0.5, zones=tuple(names)) for index, names in enumerate(zones)]


def test_a_walk_from_left_to_right():
    movement = movement_of(walk(0, 9, 0.03, 0.104, every=1))
    assert (movement.entry, movement.exit, movement.moved, movement.seconds) == (Side.LEFT, Side.RIGHT, True, 9)
    assert movement.path[0] == (0, 0.03, 0.6)
    assert movement.path[-1] == (9, 0.966, 0.6)


@pytest.mark.parametrize(
    ("x", "y", "side"),
    [(0.5, 0.1, Side.TOP), (0.5, 0.9, Side.BOTTOM), (0.5, 0.5, Side.CENTRE), (0.97, 0.9, Side.RIGHT)],
)
def test_the_side_is_the_edge_that_the_box_touches(x: float, y: float, side: Side):
    assert movement_of([sighting(0, x, y)]).entry == side


def test_a_box_that_shivers_has_not_moved():
    assert not movement_of([sighting(at, 0.5 + 0.01 * (at % 2)) for at in range(20)]).moved


def test_seconds_in_a_zone_are_between_sightings_in_it():
    movement = movement_of(in_zones("", "d", "d", "d", "", "d", "d"))
    at = [NOON + timedelta(seconds=seconds) for seconds in range(7)]
    assert movement.zones == {"d": ZoneStay(3, entered_at=at[1], left_at=at[4])}


def test_an_object_that_was_there_first_and_last_neither_entered_nor_left():
    assert movement_of(in_zones("d", "d", "d")).zones == {"d": ZoneStay(2, None, None)}


def test_a_zone_that_flickers_for_one_picture_is_neither_entered_nor_left():
    assert movement_of(in_zones("d", "d", "", "d", "d", every=0.2)).zones == {"d": ZoneStay(0.8, None, None)}
    assert movement_of(in_zones("", "", "d", "", "", every=0.2)).zones == {}
    assert movement_of(in_zones("", "", "d", "", "")).zones["d"].entered_at is not None  # at one picture a second


def test_a_long_path_keeps_its_ends():
    movement = movement_of(walk(0, 60, 0.1, 0.01, every=0.1))
    assert (len(movement.path), movement.path[0][0], movement.path[-1][0]) == (MOST_POINTS, 0, 60)


def test_labels_by_frequency_and_the_surest_detection():
    track = [
        sighting(0, 0.5, label="truck"),
        sighting(1, 0.5, label="car", confidence=0.9),
        sighting(2, 0.5, label="car"),
    ]
    movement = movement_of(track)
    assert (movement.labels, movement.label_group, movement.confidence) == (("car", "truck"), "vehicle", 0.9)
    assert movement.best == track[1].detection


def test_people_at_once_are_those_of_one_picture_and_not_all():
    first, second = walk(0, 4, 0.1, 0, every=1), walk(3, 8, 0.9, 0, every=1, number=1)
    third = walk(40, 44, 0.5, 0, every=1, number=2)
    car = walk(0, 4, 0.5, 0, every=1, number=3, label="car")
    assert people_at_once(follow([*first, *second, *third, *car])) == 2


def test_a_second_person_in_one_picture_counts_only_if_the_detector_is_sure():
    alone = walk(0, 4, 0.1, 0, every=1)
    assert people_at_once(follow([*alone, sighting(2, 0.9, number=1, confidence=0.5)])) == 1
    assert people_at_once(follow([*alone, sighting(2, 0.9, number=1, confidence=0.9)])) == 2
    assert people_at_once(follow([sighting(2, 0.9, confidence=0.4)])) == 1
    assert people_at_once([]) == 0
