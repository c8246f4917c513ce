from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from detection.detectors import Box, DetectedObject
from detection.relevance.decision import Frame, Mask, Rules, Sighting, reason_to_ignore, sightings_in
from detection.relevance.static_memory import StaticMemory

pytestmark = pytest.mark.one_engine

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RULES = Rules(labels=frozenset({"person", "vehicle", "animal", "bag", "weapon"}), sure={"person": 0.6})
UPPER_HALF = [[0.0, 0.0], [1.0, 0.0], [1.0, 0.5], [0.0, 0.5]]


def found(label: str = "person", confidence: float = 0.8, box: Box | None = None) -> DetectedObject:
    return DetectedObject(label, confidence, box or Box(0.4, 0.4, 0.1, 0.3))


def rules(**values: Any) -> Rules:
    return replace(RULES, **values)


@pytest.mark.parametrize("label", ["person", "car", "van", "bicycle", "dog", "bird", "suitcase", "knife"])
def test_people_vehicles_animals_bags_and_weapons_count(label: str):
    assert reason_to_ignore(found(label), RULES) == ""


@pytest.mark.parametrize("label", ["chair", "potted plant", "bench", "traffic light", "gnome"])
def test_furniture_plants_and_unknown_labels_do_not(label: str):
    assert reason_to_ignore(found(label), RULES) == "label"


@pytest.mark.parametrize(("labels", "counts"), [({"dog"}, True), ({"animal"}, True), ({"cat"}, False)])
def test_a_label_is_listed_by_its_name_or_its_group(labels: set[str], counts: bool):
    assert (reason_to_ignore(found("dog"), rules(labels=frozenset(labels))) == "") is counts


@pytest.mark.parametrize(
    ("thresholds", "reason"),
    [({}, ""), ({"vehicle": 0.8}, ""), ({"vehicle": 0.81}, "confidence"), ({"vehicle": 0.9, "car": 0.5}, "")],
)
def test_a_threshold_of_a_label_comes_before_that_of_its_group(thresholds: dict[str, float], reason: str):
    assert reason_to_ignore(found("car"), rules(thresholds=thresholds)) == reason


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"min_sizes": {"person": 0.029}}, ""),
        ({"min_sizes": {"person": 0.031}}, "size"),
        ({"max_sizes": {"person": 0.029}}, "size"),
        ({"max_sizes": {"car": 0.01}}, ""),
    ],
)
def test_a_size_is_the_share_of_the_picture(limits: dict[str, Any], reason: str):
    assert reason_to_ignore(found(), rules(**limits)) == reason


@pytest.mark.parametrize(
    ("mask", "box", "reason"),
    [
        (Mask(UPPER_HALF), Box(0.4, 0.1, 0.1, 0.3), "zone"),
        (Mask(UPPER_HALF), Box(0.4, 0.1, 0.1, 0.5), ""),  # it stands below
        (Mask(UPPER_HALF, frozenset({"vehicle"})), Box(0.4, 0.1, 0.1, 0.3), ""),
        (Mask(UPPER_HALF, frozenset({"vehicle", "person"})), Box(0.4, 0.1, 0.1, 0.3), "zone"),
    ],
)
def test_what_stands_in_an_ignored_area_does_not_count_if_the_area_is_for_its_label(mask: Mask, box: Box, reason: str):
    assert reason_to_ignore(found(box=box), rules(masks=[mask])) == reason


def judged(*frames: Frame, rules: Rules = RULES, trigger: str = "") -> list[Sighting]:
    memory = StaticMemory()
    memory.see([], NOON)
    return sightings_in(frames, NOON.replace(minute=1), rules, memory, trigger)


@pytest.mark.parametrize(
    ("label", "confidence", "sure"), [("person", 0.6, True), ("person", 0.59, False), ("dog", 0.3, True)]
)
def test_a_detection_is_sure_from_the_threshold_of_its_label_and_always_without_one(
    label: str, confidence: float, sure: bool
):
    (sighting,) = judged(Frame([found(label, confidence)]))
    assert (sighting.ignored, sighting.starts, sighting.is_sure) == ("", True, sure)


def test_every_object_is_returned_in_order_with_its_reason():
    sightings = judged(Frame([found("chair"), found(), found("vase")]), Frame([]), Frame([found("dog")], 4.0))
    assert [(one.found.label, one.ignored, one.offset_seconds) for one in sightings] == [
        ("chair", "label", None), ("person", "", None), ("vase", "label", None), ("dog", "", 4.0),
    ]  # fmt: skip


def test_the_frames_of_a_clip_are_pictures_of_the_memory():
    car = found("car")
    sightings = judged(*(Frame([car], 8.0 * n) for n in range(12)))
    assert [(one.ignored, one.starts) for one in sightings] == (
        [("", True)] * 8 + [("", False)] + [("static", False)] * 3
    )


def test_an_object_below_its_threshold_is_still_there():
    sure, faint = found("car", 0.9), found("car", 0.4)
    frames = [Frame([sure if n % 2 else faint], 40.0 * n) for n in range(20)]
    reasons = [one.ignored for one in judged(*frames, rules=rules(thresholds={"car": 0.5}))]
    assert reasons[11::2] == ["static"] * 5
    assert reasons[10::2] == ["confidence"] * 5


def test_a_picture_by_the_timer_does_not_start_anything_with_what_was_there():
    memory = StaticMemory()
    memory.see([found()], NOON)
    (sighting,) = sightings_in([Frame([found()])], NOON.replace(second=10), RULES, memory, "schedule")
    assert (sighting.ignored, sighting.starts) == ("", False)
