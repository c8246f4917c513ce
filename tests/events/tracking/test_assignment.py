"""The pairs of the lowest total cost, against every possible choice."""

from __future__ import annotations

import itertools
import random

import pytest

from events.tracking.assignment import UNPAIRED, Pair, best_pairs

pytestmark = pytest.mark.one_engine


def total(pairs: list[Pair], costs: dict[Pair, float], rows: int) -> float:
    return sum(costs[pair] for pair in pairs) + UNPAIRED * (rows - len(pairs))


def every_choice(costs: dict[Pair, float], rows: int, columns: int) -> list[list[Pair]]:
    """All ways to give each row a column of its own, or none."""
    options = itertools.product(*([None, *range(columns)] for _ in range(rows)))
    choices = [[(row, column) for row, column in enumerate(one) if column is not None] for one in options]
    return [
        one for one in choices if len({column for _, column in one}) == len(one) and all(pair in costs for pair in one)
    ]


@pytest.mark.parametrize("seed", range(60))
def test_no_other_choice_costs_less(seed: int):
    draw = random.Random(seed)
    rows, columns = draw.randint(1, 4), draw.randint(1, 5)
    costs = {pair: draw.random() for pair in itertools.product(range(rows), range(columns)) if draw.random() < 0.6}
    pairs = best_pairs(costs)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    best = min(total(one, costs, rows) for one in every_choice(costs, rows, columns))
    assert total(pairs, costs, rows) == pytest.approx(best)


def test_the_nearest_object_goes_to_the_track_that_has_no_other():
    assert sorted(best_pairs({(0, 0): 0.1, (0, 1): 0.2, (1, 0): 0.2})) == [(0, 1), (1, 0)]


def test_nothing_makes_no_pairs():
    assert best_pairs({}) == []
