"""Zone geometry: pure functions on points relative to the picture.

An object stands at the middle of the lower edge of its box: the feet of a person, the wheels of a car. It is in a zone
if that point lies inside the zone's polygon or on its border.
"""

from __future__ import annotations

from collections.abc import Sequence

MIN_POINTS, MAX_POINTS = 3, 64
MIN_AREA = 1e-6  # of the picture's area: a few pixels
TOLERANCE = 1e-9

Point = Sequence[float]  # x, y in 0 to 1


def polygon_error(polygon: Sequence[Point]) -> str:
    """Return why a polygon is not usable as an area, or an empty string. Its points are numbers from 0 to 1."""
    edges = _edges(polygon)
    if any(tuple(start) == tuple(end) for start, end in edges):
        return "Neighbouring points must differ, and the first one is not repeated at the end."
    if _is_self_crossing(edges):
        return "The edges must not cross or touch each other."
    if abs(sum(_cross_product((0, 0), start, end) for start, end in edges)) / 2 < MIN_AREA:
        return "The area is too small."
    return ""


def contains(polygon: Sequence[Point], point: Point) -> bool:
    """Return whether `point` lies inside the polygon or on its border."""
    x, y = point
    inside = False
    for start, end in _edges(polygon):
        if _is_on(start, end, point):
            return True
        # A ray to the right from a point inside crosses the border an odd number of times.
        if (start[1] > y) != (end[1] > y) and x < start[0] + (y - start[1]) * (end[0] - start[0]) / (end[1] - start[1]):
            inside = not inside
    return inside


def _edges(polygon: Sequence[Point]) -> list[tuple[Point, Point]]:
    return [(start, polygon[(index + 1) % len(polygon)]) for index, start in enumerate(polygon)]


def _is_self_crossing(edges: list[tuple[Point, Point]]) -> bool:
    for index, (start, end) in enumerate(edges):
        following = edges[(index + 1) % len(edges)][1]
        if _is_on(start, end, following) or _is_on(end, following, start):
            return True  # the edge turns back on itself
        for other in edges[index + 2 : len(edges) - (index == 0)]:
            if _intersects((start, end), other):
                return True
    return False


def _intersects(edge: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    (a, b), (c, d) = edge, other
    if any(_is_on(a, b, point) for point in (c, d)) or any(_is_on(c, d, point) for point in (a, b)):
        return True
    return (_cross_product(a, b, c) > 0) != (_cross_product(a, b, d) > 0) and (_cross_product(c, d, a) > 0) != (
        _cross_product(c, d, b) > 0
    )


def _cross_product(origin: Point, point: Point, other: Point) -> float:
    """Return twice the signed area of the triangle: positive if `other` is left of the line `origin` to `point`."""
    return (point[0] - origin[0]) * (other[1] - origin[1]) - (point[1] - origin[1]) * (other[0] - origin[0])


def _is_on(start: Point, end: Point, point: Point) -> bool:
    """Return whether `point` lies on the edge, within the precision of floats."""
    if abs(_cross_product(start, end, point)) > TOLERANCE:
        return False
    return all(
        min(a, b) - TOLERANCE <= value <= max(a, b) + TOLERANCE for a, b, value in zip(start, end, point, strict=True)
    )
