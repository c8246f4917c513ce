"""The assignment problem: pair rows with columns at the lowest total cost.

A picture has few objects, and most of them are near one track only. Rows and columns that share no possible pair are
solved separately, so that a crowd costs little more than a single person.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Pair = tuple[int, int]  # row, column

UNPAIRED = 1.2  # cost of a row without a column; the costs of pairs are 0 to 1


def best_pairs(costs: Mapping[Pair, float]) -> list[Pair]:
    """Return the pairs with the lowest total cost. `costs` has the possible pairs only."""
    pairs: list[Pair] = []
    for group in _separate(list(costs)):
        if len(group) == 1:
            pairs.append(group[0])
            continue
        rows, columns = (list(dict.fromkeys(pair[side] for pair in group)) for side in (0, 1))
        if len(rows) > len(columns):
            chosen = _solve([[costs.get((row, column), UNPAIRED) for row in rows] for column in columns])
            found = [(rows[index], columns[number]) for number, index in enumerate(chosen)]
        else:
            chosen = _solve([[costs.get((row, column), UNPAIRED) for column in columns] for row in rows])
            found = [(rows[number], columns[index]) for number, index in enumerate(chosen)]
        pairs += [pair for pair in found if pair in costs]
    return pairs


def _separate(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Split pairs into groups that share no row and no column."""
    leader: dict[Pair, Pair] = {}

    def find(node: Pair) -> Pair:
        while (above := leader.setdefault(node, node)) != node:
            leader[node] = node = leader[above]
        return node

    for row, column in pairs:
        leader[find((0, row))] = find((1, column))
    groups: defaultdict[Pair, list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[find((0, pair[0]))].append(pair)
    return list(groups.values())


def _solve(costs: Sequence[Sequence[float]]) -> list[int]:
    """Return the column of each row. There are at least as many columns as rows.

    This is the Hungarian method with shortest augmenting paths (Jonker and Volgenant, 1987).
    """
    prices = _Prices([0.0] * len(costs), [0.0] * len(costs[0]))
    owners: list[int | None] = [None] * len(costs[0])  # the row of each column
    for row in range(len(costs)):
        _add(row, costs, prices, owners)
    chosen = [0] * len(costs)
    for column, owner in enumerate(owners):
        if owner is not None:
            chosen[owner] = column
    return chosen


@dataclass(slots=True)
class _Prices:
    rows: list[float]
    columns: list[float]


def _add(row: int, costs: Sequence[Sequence[float]], prices: _Prices, owners: list[int | None]) -> None:
    """Give `row` a column. Rows that own the columns on the shortest path to a free one move along it."""
    distances, rows_before = [math.inf] * len(owners), [row] * len(owners)
    open_columns = set(range(len(owners)))
    path: list[tuple[int, int, float]] = []  # a row, its column, and the distance of that column
    current, travelled = row, 0.0
    while True:
        for column in open_columns:
            reduced = travelled + costs[current][column] - prices.rows[current] - prices.columns[column]
            if reduced < distances[column]:
                distances[column], rows_before[column] = reduced, current
        nearest = min(open_columns, key=distances.__getitem__)
        open_columns.remove(nearest)
        travelled = distances[nearest]
        if (owner := owners[nearest]) is None:
            break
        path.append((owner, nearest, travelled))
        current = owner
    prices.rows[row] += travelled
    for owner, column, distance in path:
        prices.rows[owner] += travelled - distance
        prices.columns[column] -= travelled - distance
    columns = {owner: column for owner, column, _ in path}
    column, moved = nearest, rows_before[nearest]
    while moved != row:
        owners[column], column = moved, columns[moved]
        moved = rows_before[column]
    owners[column] = row
