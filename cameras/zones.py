"""Zones: areas of a camera's picture. Pure geometry, on points relative to the picture.

Where something stands is the middle of the lower edge of its box: the feet of a person, the wheels of a
car. It is in a zone when that point lies in the zone's polygon or on its border.
"""

from __future__ import annotations

from collections.abc import Sequence

FEWEST_POINTS, MOST_POINTS = 3, 64
SMALLEST_AREA = 1e-6  # of the picture: a few pixels
NEAR = 1e-9

Point = Sequence[float]  # x, y in 0 to 1


def fault_of(polygon: Sequence[Point]) -> str:
    """Why this is no area, in words; empty where it is one. Its points are numbers from 0 to 1."""
    edges = _edges(polygon)
    if any(tuple(start) == tuple(end) for start, end in edges):
        return "Neighbouring points must differ, and the first one is not repeated at the end."
    if _cross_themselves(edges):
        return "The edges must not cross or touch each other."
    if abs(sum(_turn((0, 0), start, end) for start, end in edges)) / 2 < SMALLEST_AREA:
        return "The area is too small."
    return ""


def contains(polygon: Sequence[Point], point: Point) -> bool:
    """Whether `point` lies in the polygon, or on its border."""
    x, y = point
    inside = False
    for start, end in _edges(polygon):
        if _is_on(start, end, point):
            return True
        # A ray to the right crosses the border an odd number of times from within.
        if (start[1] > y) != (end[1] > y) and x < start[0] + (y - start[1]) * (end[0] - start[0]) / (end[1] - start[1]):
            inside = not inside
    return inside


def _edges(polygon: Sequence[Point]) -> list[tuple[Point, Point]]:
    return [(start, polygon[(place + 1) % len(polygon)]) for place, start in enumerate(polygon)]


def _cross_themselves(edges: list[tuple[Point, Point]]) -> bool:
    for place, (start, end) in enumerate(edges):
        following = edges[(place + 1) % len(edges)][1]
        if _is_on(start, end, following) or _is_on(end, following, start):
            return True  # it turns back on itself
        for other in edges[place + 2 : len(edges) - (place == 0)]:
            if _meet((start, end), other):
                return True
    return False


def _meet(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    (a, b), (c, d) = one, other
    if any(_is_on(a, b, point) for point in (c, d)) or any(_is_on(c, d, point) for point in (a, b)):
        return True
    return (_turn(a, b, c) > 0) != (_turn(a, b, d) > 0) and (_turn(c, d, a) > 0) != (_turn(c, d, b) > 0)


def _turn(origin: Point, one: Point, other: Point) -> float:
    """Above 0 where `other` lies to the left of the way from `origin` to `one`; twice the area between them."""
    return (one[0] - origin[0]) * (other[1] - origin[1]) - (one[1] - origin[1]) * (other[0] - origin[0])


def _is_on(start: Point, end: Point, point: Point) -> bool:
    """Whether `point` lies on the edge, as far as numbers of this kind can tell."""
    if abs(_turn(start, end, point)) > NEAR:
        return False
    return all(min(a, b) - NEAR <= value <= max(a, b) + NEAR for a, b, value in zip(start, end, point, strict=True))
