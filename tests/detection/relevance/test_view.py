"""What a camera shows as a whole, from pictures to its state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

import numpy as np
import pytest

from detection.relevance import view
from detection.relevance.measure import signature_of
from detection.relevance.signature import similarity
from detection.relevance.view import PATIENCE, State, ViewMemory
from tests.detection.relevance import views

pytestmark = pytest.mark.one_engine


class Watched:
    """A camera that sends a picture every `seconds`. Its memory is stored and loaded between pictures."""

    def __init__(self, seconds: float = 10.0) -> None:
        self.memory = ViewMemory()
        self.seconds = seconds
        self.number = 0
        self.changes: list[tuple[State, datetime | None]] = []
        self.places = 0

    @property
    def now(self) -> datetime:
        return views.START + timedelta(seconds=self.seconds * self.number)

    def shows(self, effect: views.Effect = views.unchanged, pictures: int = 6, *, with_tiles: bool = True) -> State:
        for _ in range(pictures):
            self.number += 1
            before = self.memory.state
            signature = signature_of(effect(views.picture(self.number), self.number), with_tiles=with_tiles)
            self.places += self.memory.see(signature, self.now)
            self.memory = ViewMemory.from_json(self.memory.as_json())
            if self.memory.state != before:
                self.changes.append((self.memory.state, self.memory.since))
        return self.memory.state

    def states(self) -> Sequence[State]:
        return [state for state, _ in self.changes]


@pytest.fixture
def camera() -> Watched:
    watched = Watched()
    watched.shows()
    return watched


@pytest.mark.parametrize(
    ("effect", "state"),
    [
        (views.capped, State.BLACK),
        (views.covered, State.COVERED),
        (views.blurred, State.BLURRED),
        (views.turned, State.TURNED),
    ],
)
def test_a_state_is_reported_once_after_several_pictures_and_once_when_it_is_over(
    camera: Watched, effect: views.Effect, state: State
):
    began = camera.now + timedelta(seconds=camera.seconds)
    pictures, time = PATIENCE[state]
    needed = max(pictures, 1 + int(time.total_seconds() / camera.seconds))
    assert camera.shows(effect, needed - 1) is State.OK
    assert camera.shows(effect, 1) is state
    camera.shows(effect, 3)
    over = camera.now + timedelta(seconds=camera.seconds)
    assert camera.shows(pictures=2) is state
    camera.shows(pictures=4)
    assert camera.changes == [(state, began), (State.OK, over)]


def test_a_picture_that_stays_the_same_but_for_its_clock_is_frozen_after_minutes(camera: Watched):
    began = camera.now + timedelta(seconds=camera.seconds)
    assert camera.shows(views.frozen, 30) is State.OK
    assert camera.shows(views.frozen, 1) is State.FROZEN
    camera.shows()
    assert camera.changes[0] == (State.FROZEN, began)
    assert camera.states() == [State.FROZEN, State.OK]


def test_frames_of_one_clip_do_not_show_that_a_camera_is_frozen(camera: Watched):
    assert camera.shows(views.frozen, 40, with_tiles=False) is State.OK
    assert camera.shows(views.frozen, 31) is State.FROZEN
    assert camera.shows(views.frozen, 20, with_tiles=False) is State.FROZEN


@pytest.mark.parametrize("effect", [views.capped, views.covered, views.blurred, views.turned, views.frozen])
def test_odd_pictures_between_good_ones_report_nothing(camera: Watched, effect: views.Effect):
    for _ in range(12):
        camera.shows(effect, 2)
        camera.shows(pictures=1)
    assert camera.changes == []


@pytest.mark.parametrize(
    "effect", [views.at_night, views.without_light, views.hazy, views.dim, views.with_van, views.unchanged]
)
def test_other_light_and_a_large_vehicle_are_not_reported(camera: Watched, effect: views.Effect):
    for _ in range(2):
        camera.shows(effect, 40)
        camera.shows(pictures=15)
    assert camera.changes == []
    assert camera.places == 0


def test_every_place_by_day_matches_itself_at_night_and_no_other():
    places = ("front_door", "driveway", "garden")
    day = {place: signature_of(views.picture(1, place)).structure for place in places}
    night = {place: signature_of(views.picture(2, place, night=True)).structure for place in places}
    for one in places:
        for other in places:
            match = similarity(day[one], night[other])
            assert match > 2 * view.SAME_VIEW if one == other else match < view.OTHER_VIEW


def test_a_turned_camera_shows_another_place_once_and_is_accepted_after_a_while(camera: Watched):
    camera.shows(views.turned, 6)
    assert (camera.memory.state, camera.places) == (State.TURNED, 1)
    began = camera.memory.since
    assert began is not None
    camera.shows(views.turned, 80)
    [_, (state, since)] = camera.changes
    assert (state, camera.places) == (State.OK, 1)
    assert since is not None
    assert since - began >= timedelta(minutes=10)
    # The place it was turned away from is another one now.
    camera.shows(pictures=6)
    assert (camera.memory.state, camera.places) == (State.TURNED, 2)


def test_a_camera_that_is_turned_back_shows_another_place_again(camera: Watched):
    camera.shows(views.turned, 10)
    camera.shows(pictures=10)
    assert camera.states() == [State.TURNED, State.OK]
    assert camera.places == 2


def test_a_camera_that_is_turned_on_while_it_is_turned_shows_a_third_place(camera: Watched):
    camera.shows(views.turned, 8)
    camera.shows(lambda pixels, number: views.picture(number, "front_door"), 8)
    assert (camera.memory.state, camera.states(), camera.places) == (State.TURNED, [State.TURNED], 2)


def test_places_that_differ_each_time_are_traffic_and_not_a_turned_camera(camera: Watched):
    def traffic(pixels: views.Pixels, number: int) -> views.Pixels:
        return np.roll(views.picture(number, "driveway" if number % 2 else "front_door"), number * 37, axis=1)

    camera.shows(traffic, 30)
    assert (camera.changes, camera.places) == ([], 0)


def test_a_camera_is_not_judged_before_its_usual_view_is_known():
    camera = Watched()
    camera.shows(views.covered, 30)
    assert camera.changes == []
    assert camera.shows(pictures=8) is State.OK
    assert camera.shows(views.covered, 10) is State.COVERED


def test_the_number_of_pictures_a_second_does_not_matter():
    camera = Watched(seconds=0.5)
    camera.shows(pictures=100)
    assert camera.shows(views.turned, 50) is State.OK  # 25 seconds: five intervals
    assert camera.shows(views.turned, 12) is State.TURNED


def test_late_pictures_and_those_in_disorder_do_not_count(camera: Watched):
    before = camera.memory.as_json()
    late = signature_of(views.capped(views.picture(1), 1))
    for seconds in range(100):
        assert not camera.memory.see(late, camera.now - timedelta(seconds=seconds))
    assert camera.memory.as_json() == before


@pytest.mark.parametrize("seed", range(6))
def test_any_sequence_without_enough_pictures_in_a_row_reports_nothing(seed: int):
    random = Random(seed)
    effects = [views.unchanged, views.capped, views.covered, views.turned, views.at_night, views.hazy]
    camera = Watched()
    camera.shows()
    last = views.unchanged
    for _ in range(12):
        effect = random.choice([effect for effect in effects if effect is not last])
        camera.shows(effect, int(random.randint(1, 3)))
        last = effect
        assert camera.changes == []
    assert camera.shows(pictures=3) is State.OK


def test_the_memory_of_a_camera_is_small_and_survives_storage(camera: Watched):
    camera.shows(views.turned, 8)
    stored = camera.memory.as_json()
    assert ViewMemory.from_json(stored).as_json() == stored
    assert len(str(stored)) < 2500


@pytest.mark.parametrize("shape", [(8, 8), (48, 64, 3), (1080, 1920, 3), (900, 60), (1, 1)])
def test_a_picture_of_any_size_has_a_signature(shape: tuple[int, ...]):
    signature = signature_of(np.random.default_rng(1).integers(0, 255, shape).astype(np.uint8))
    assert len(signature.tiles) == 48
    assert np.isfinite(signature.structure).all()
    assert similarity(signature.structure, signature.structure) == pytest.approx(1.0, abs=1e-3)
