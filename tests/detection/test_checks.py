from __future__ import annotations

from typing import Any

import pytest

from detection.checks import check_labels

pytestmark = pytest.mark.one_engine


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (["person", "traffic light"], []),
        (["person dog"], ["'person dog'"]),
        (["car", "persn", "gnome"], ["'persn'", "'gnome'"]),
    ],
)
def test_a_label_that_no_detector_of_ours_finds_is_told(labels: list[str], told: list[str], settings: Any):
    settings.FAST_PATH_OBJECT_TYPES = labels
    messages = check_labels(None)
    assert [found for found, message in zip(told, messages, strict=True) if found in str(message.msg)] == told


def test_groups_are_labels_where_labels_count(settings: Any):
    settings.DETECTION_LABELS = ["person", "vehicle", "van", "gnome"]
    settings.DETECTION_THRESHOLDS = ["animal=0.5", "persn=0.4"]
    messages = [str(message.msg) for message in check_labels(None)]
    assert [message.split(",")[0] for message in messages] == [
        "DETECTION_LABELS contains 'gnome'", "DETECTION_THRESHOLDS contains 'persn'",
    ]  # fmt: skip
