from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from detection.detectors import Box, DetectedObject
from detection.relevance.static_memory import MOST_OBJECTS, Presence, StaticMemory

pytestmark = pytest.mark.one_engine

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NEW, THERE, STATIC = Presence.NEW, Presence.THERE, Presence.STATIC
STEP = 40.0  # seconds between pictures


def thing(label: str, x: float, y: float = 0.5, *, width: float = 0.1, height: float = 0.2) -> DetectedObject:
    return DetectedObject(label, 0.8, Box(x, y, width, height))


VAN, CAR = thing("truck", 0.1), thing("car", 0.6)
POST, PERSON = thing("person", 0.3), thing("person", 0.8)


class Yard:
    """A camera that sends a picture every `step` seconds."""

    def __init__(self, step: float = STEP, trigger: str = "") -> None:
        self.memory = StaticMemory()
        self.step, self.trigger, self.seconds = step, trigger, 0.0

    def shows(self, *found: DetectedObject, trigger: str | None = None) -> list[Presence]:
        presences = self.see(found, self.seconds, trigger=trigger)
        self.seconds += self.step
        return presences

    def see(self, found: Sequence[DetectedObject], seconds: float, *, trigger: str | None = None) -> list[Presence]:
        at = NOON + timedelta(seconds=seconds)
        return self.memory.see(found, at, trigger=self.trigger if trigger is None else trigger)

    def shows_often(self, times: int, *found: DetectedObject) -> list[list[Presence]]:
        return [self.shows(*found) for _ in range(times)]

    @property
    def remembered(self) -> list[str]:
        return sorted(one.label for one in self.memory.objects if one.remembered_at)


def test_a_car_that_parks_is_new_for_a_minute_there_until_the_tenth_sighting_and_static_from_then_on():
    yard = Yard()
    yard.shows()
    presences = [one for (one,) in yard.shows_often(12, CAR)]
    assert presences == [NEW] * 2 + [THERE] * 7 + [STATIC] * 3
    assert yard.remembered == ["car"]


def test_a_car_in_the_first_picture_of_a_camera_was_there_before():
    yard = Yard()
    presences = [one for (one,) in yard.shows_often(12, CAR)]
    assert presences == [THERE] * 9 + [STATIC] * 3


def test_a_camera_that_reports_motion_in_its_first_picture_means_that_something_came():
    yard = Yard(trigger="motion")
    assert yard.shows(CAR) == [NEW]


def test_a_yard_with_two_parked_cars_never_shows_anything_new():
    jitter = random.Random(1)
    yard = Yard()
    presences: list[Presence] = []
    for _ in range(45):
        found = [
            DetectedObject(one.label, 0.8, Box(one.box.x + jitter.uniform(-0.008, 0.008), one.box.y, 0.1, 0.2))
            for one in (VAN, CAR)
            if jitter.random() < 0.93 or not presences
        ]
        presences += yard.shows(*found)
    assert NEW not in presences


def test_a_van_is_the_same_when_it_is_called_a_car_a_bus_or_a_truck():
    yard = Yard()
    for n in range(12):
        (presence,) = yard.shows(thing(("truck", "car", "bus")[n % 3], 0.1))
    assert presence is STATIC


@pytest.mark.parametrize("label", ["dog", "suitcase", "chair"])
def test_other_things_that_are_in_the_first_picture_count_until_they_have_been_there_for_a_minute(label: str):
    yard = Yard()
    assert [one for (one,) in yard.shows_often(12, thing(label, 0.5))] == [NEW] * 2 + [THERE] * 7 + [STATIC] * 3


def test_a_car_that_moves_a_little_is_new_again():
    yard = Yard()
    yard.shows_often(20, CAR)
    assert yard.shows(thing("car", 0.64)) == [NEW]


def test_a_car_that_left_is_new_when_it_is_back_and_static_after_a_minute():
    yard = Yard()
    yard.shows_often(20, CAR)
    yard.shows_often(3)
    assert [one for (one,) in yard.shows_often(4, CAR)] == [NEW, NEW, STATIC, STATIC]


def test_a_car_that_is_missed_in_two_pictures_did_not_leave():
    yard = Yard()
    yard.shows_often(20, CAR)
    yard.shows_often(2)
    assert yard.shows(CAR) == [STATIC]


def test_what_is_in_less_than_half_of_the_pictures_is_not_static():
    yard = Yard()
    presences: list[Presence] = []
    for n in range(60):
        presences += yard.shows(*[CAR] * (n % 5 in (0, 2)))
    assert STATIC not in presences


def test_a_remembered_car_survives_a_night_without_pictures_and_is_forgotten_after_a_day():
    yard = Yard()
    yard.shows_often(20, CAR)
    yard.seconds += 23 * 3600
    assert yard.shows(CAR) == [STATIC]
    yard.seconds += 25 * 3600
    assert yard.shows(CAR) == [NEW]


@pytest.mark.parametrize("step", [1.0, 10.0, 40.0])
def test_a_person_who_arrived_today_is_never_static(step: float):
    yard = Yard(step)
    yard.shows()
    presences = [one for (one,) in yard.shows_often(int(20 * 3600 / step) if step > 1 else 4000, PERSON)]
    assert set(presences) == {NEW}
    assert yard.remembered == []


def test_a_post_that_is_called_a_person_is_static_from_the_tenth_picture_of_a_camera():
    yard = Yard(1.0)
    presences = [one for (one,) in yard.shows_often(75, POST)]
    assert presences == [NEW] * 9 + [STATIC] * 66


def test_a_post_that_appeared_later_is_static_on_the_next_day():
    yard = Yard(600.0)
    yard.shows()
    presences = [one for (one,) in yard.shows_often(150, POST)]
    assert set(presences[:144]) == {NEW}
    assert set(presences[144:]) == {STATIC}


def test_a_person_in_the_first_picture_who_comes_again_in_two_minutes_is_new():
    yard = Yard(2.0)
    yard.shows_often(60, PERSON)
    yard.seconds += 120
    assert yard.shows_often(30, PERSON) == [[NEW]] * 30


def test_a_person_on_the_same_bench_every_evening_is_new_although_no_picture_shows_the_bench_empty():
    yard = Yard(10.0, trigger="motion")
    for _ in range(3):
        assert yard.shows_often(60, PERSON) == [[NEW]] * 60
        yard.seconds += 23.5 * 3600


def test_a_person_beside_a_post_is_new():
    yard = Yard(1.0)
    yard.shows_often(20, POST)
    assert yard.shows(thing("person", 0.35), POST) == [NEW, STATIC]


def test_a_person_who_walks_slowly_past_is_never_static():
    yard = Yard(1.0)
    presences = [yard.shows(thing("person", 0.1 + 0.004 * n)) for n in range(100)]
    assert STATIC not in [one for (one,) in presences][10:]


def test_pictures_of_the_same_moment_are_one():
    yard = Yard(0.1)
    assert yard.shows_often(30, PERSON) == [[NEW]] * 30
    assert yard.memory.pictures == 4


def test_a_picture_by_the_timer_shows_nothing_new_where_something_was_before():
    yard = Yard(10.0, trigger="motion")
    yard.shows()
    assert yard.shows(PERSON) == [NEW]
    assert yard.shows(PERSON, CAR, trigger="schedule") == [THERE, NEW]
    assert yard.shows(PERSON, CAR) == [NEW, NEW]


def test_late_pictures_are_compared_and_change_nothing():
    yard = Yard()
    yard.shows_often(20, VAN)
    yard.shows_often(5, VAN, CAR)
    before = [replace(one) for one in yard.memory.objects]
    assert yard.see([VAN], 19 * STEP + 5) == [STATIC]
    assert yard.see([CAR], 19 * STEP + 5) == [NEW]  # it had not come yet
    assert yard.see([], 19 * STEP + 5) == []
    assert yard.see([PERSON], 19 * STEP + 5) == [NEW]
    assert yard.memory.objects == before
    assert yard.memory.pictures == 25


def test_a_backlog_in_order_is_learned_like_any_other_pictures():
    yard = Yard()
    yard.seconds = -5 * 24 * 3600
    assert yard.shows_often(20, CAR)[-1] == [STATIC]


def test_a_camera_that_is_turned_forgets_the_earlier_scene():
    yard = Yard()
    yard.shows_often(30, VAN, POST)
    turned = thing("car", 0.45, 0.1)
    presences = [one for (one,) in yard.shows_often(12, turned)]
    assert presences[0] is NEW
    assert presences[-1] is STATIC
    assert yard.remembered == ["car"]
    assert yard.shows(turned, thing("person", 0.3), thing("car", 0.1)) == [STATIC, NEW, NEW]


def test_a_night_in_which_nothing_is_found_is_not_another_scene():
    yard = Yard()
    yard.shows_often(30, VAN, CAR)
    yard.shows_often(500)
    assert yard.remembered == ["car", "truck"]
    yard.shows_often(2, VAN, CAR)
    assert yard.shows(VAN, CAR) == [STATIC] * 2


def test_a_post_that_is_hidden_for_minutes_on_its_first_day_may_be_a_person_who_is_back():
    yard = Yard(10.0)
    yard.shows_often(30, POST)
    yard.shows_often(10)
    assert yard.shows_often(30, POST) == [[NEW]] * 30


def test_the_memory_of_a_crowd_is_bounded():
    crowd, yard = random.Random(2), Yard(1.0)
    for _ in range(30):
        yard.shows(*(thing("person", crowd.random() * 0.9, crowd.random() * 0.8, width=0.02) for _ in range(300)))
    assert len(yard.memory.objects) <= 4 * MOST_OBJECTS


def test_only_one_of_two_close_objects_is_the_known_one():
    yard = Yard()
    yard.shows_often(20, CAR)
    assert yard.shows(thing("car", 0.615), CAR) == [NEW, STATIC]
