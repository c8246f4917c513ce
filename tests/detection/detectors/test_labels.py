from __future__ import annotations

import pytest

from detection.detectors.labels import COCO_80, COCO_91, MAX_LABEL_CHARACTERS, canonical, metric_label


def test_there_are_eighty_different_names_at_their_known_places():
    assert len(set(COCO_80)) == 80
    assert [COCO_80[i] for i in (0, 2, 16, 39, 62, 79)] == ["person", "car", "dog", "bottle", "tv", "toothbrush"]


@pytest.mark.parametrize("name", COCO_80)
def test_every_coco_name_stays_itself(name):
    assert canonical(name) == name
    assert metric_label(name) == name


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("motorbike", "motorcycle"),
        ("aeroplane", "airplane"),
        ("sofa", "couch"),
        ("pottedplant", "potted plant"),
        ("diningtable", "dining table"),
        ("tvmonitor", "tv"),
        ("Person", "person"),
        (" TRAFFIC_LIGHT ", "traffic light"),
        ("traffic-light", "traffic light"),
        ("trafficlight", "traffic light"),
        ("Potted  Plant", "potted plant"),
        ("MotorBike", "motorcycle"),
    ],
)
def test_older_and_differently_written_names_become_the_one_name(label, name):
    assert canonical(label) == name


def test_an_unknown_label_is_kept_and_other_in_metrics():
    assert canonical("Garden Gnome") == "garden gnome"
    assert metric_label("Garden Gnome") == "other"


def test_control_characters_are_taken_out_and_the_length_is_bounded():
    assert canonical("per\nson\x00\x1b[31m\u202e") == "per son [31m"
    assert len(canonical("x" * 100_000)) == MAX_LABEL_CHARACTERS
    assert canonical("\x00 \t") == "unknown"


def test_the_ninety_one_numbers_of_coco_skip_their_holes():
    assert len(COCO_91) == 80
    assert (COCO_91[1], COCO_91[13], COCO_91[90]) == ("person", "stop sign", "toothbrush")
    assert 12 not in COCO_91
    assert 0 not in COCO_91
