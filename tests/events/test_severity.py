from __future__ import annotations

from typing import Any

import pytest

from events.severity import LEVELS, bands, level_of


@pytest.mark.parametrize(
    ("score", "level"),
    [
        (0, "low"),
        (29, "low"),
        (30, "medium"),
        (59, "medium"),
        (60, "high"),
        (84, "high"),
        (85, "critical"),
        (100, "critical"),
    ],
)
def test_the_bands_of_the_contract_divide_the_scores(score: int, level: str) -> None:
    assert level_of(score) == level


@pytest.mark.parametrize("score", [-1, 101, 900])
def test_a_number_that_is_no_score_has_no_level(score: int) -> None:
    with pytest.raises(ValueError, match="0 to 100"):
        level_of(score)


def test_the_settings_move_the_bands(settings: Any) -> None:
    settings.SEVERITY_LOW_MAX, settings.SEVERITY_MEDIUM_MAX, settings.SEVERITY_HIGH_MAX = 10, 20, 30
    assert [level_of(score) for score in (10, 11, 21, 31)] == list(LEVELS)
    assert [(band.lowest, band.highest) for band in bands()] == [(0, 10), (11, 20), (21, 30), (31, 100)]
