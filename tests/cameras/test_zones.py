from __future__ import annotations

import pytest

from cameras.zones import contains, polygon_error

pytestmark = pytest.mark.one_engine

SQUARE = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]]
HORSESHOE = [[0.0, 0.0], [0.2, 0.0], [0.2, 0.8], [0.8, 0.8], [0.8, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]


@pytest.mark.parametrize("polygon", [SQUARE, SQUARE[::-1], SQUARE[:3], HORSESHOE])
def test_an_area_is_one_whichever_way_round_it_goes(polygon: list[list[float]]):
    assert polygon_error(polygon) == ""


@pytest.mark.parametrize(
    ("polygon", "word"),
    [
        ([[0, 0], [1, 1], [1, 0], [0, 1]], "cross"),
        ([[0, 0], [1, 0], [0.5, 0], [0.5, 1]], "cross"),
        ([[0, 0], [1, 0], [0.5, 0.5], [1, 1], [0, 1], [0.5, 0.5]], "cross"),
        ([[0, 0], [1, 0], [1, 1], [0, 0]], "differ"),
        ([[0, 0], [0, 0], [1, 1]], "differ"),
        ([[0, 0], [0.5, 0.5], [1, 1]], "cross"),
        ([[0, 0], [1e-4, 0], [0, 1e-4]], "small"),
    ],
)
def test_an_unusable_polygon_is_refused_with_a_reason(polygon: list[list[float]], word: str):
    assert word in polygon_error(polygon)


@pytest.mark.parametrize(
    ("polygon", "point", "inside"),
    [
        (SQUARE, (0.5, 0.5), True),
        (SQUARE, (0.2, 0.5), True),
        (SQUARE, (0.8, 0.8), True),
        (SQUARE, (0.1, 0.5), False),
        (SQUARE, (0.9, 0.8), False),
        (HORSESHOE, (0.5, 0.5), False),
        (HORSESHOE, (0.1, 0.1), True),
        (HORSESHOE, (0.5, 0.9), True),
        (HORSESHOE, (0.5, 0.0), False),
    ],
)
def test_a_point_is_in_an_area_or_on_its_border_or_is_not(polygon, point: tuple[float, float], inside: bool):
    assert contains(polygon, point) is inside
