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
