"""The paths of tracks: their colours, and how they are drawn into a picture.

A dark line below each coloured one keeps it visible on light and dark pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageDraw

from events.models import Event

# Neighbouring numbers look different, also on a picture in black and white.
COLOURS = ("#ff4d5e", "#3aa0ff", "#ffd23f", "#2ecc71", "#ff66c4", "#00d5d5", "#ff8a3d", "#b98bff")
CASING = "#101418"
MOST_PATHS = 12  # per picture; those with the most detections
MOST_POINTS = 30  # of a trail

Point = tuple[float, float]  # x and y, 0 to 1


@dataclass(frozen=True, slots=True)
class Path:
    """Where the object of the track `number` stood, in order."""

    number: int
    points: tuple[Point, ...]

    @property
    def colour(self) -> str:
        return colour_of_track(self.number)

    @property
    def svg(self) -> str:
        """Return the points in percent, as an SVG polyline has them."""
        return " ".join(f"{100 * x:.1f},{100 * y:.1f}" for x, y in self.points)


def colour_of_track(number: int) -> str:
    return COLOURS[(number - 1) % len(COLOURS)]


def name_of(label: str, track: int | None) -> str:
    """Return the label with the number of its track."""
    return label if track is None else f"{label} #{track}"


def paths_of(event: Event) -> tuple[Path, ...]:
    """Read the paths of the objects that moved, with one bounded query."""
    rows = event.tracks.filter(moved=True).order_by("-detection_count", "number").values_list("number", "path")
    return tuple(Path(number, tuple((x, y) for _, x, y in path)) for number, path in rows[:MOST_PATHS])


def draw_paths(image: Image.Image, paths: tuple[Path, ...]) -> None:
    """Draw each path as a line with a dot at its start and an arrow at its end, the first path on top."""
    pen = ImageDraw.Draw(image)
    width = max(2, round(max(image.size) / 320))
    for path in reversed(paths):
        points = [(x * (image.width - 1), y * (image.height - 1)) for x, y in path.points]
        if len(points) < 2:
            continue
        for colour, line in ((CASING, width + 2 * max(1, width // 2)), (path.colour, width)):
            extra = (line - width) / 2
            pen.line(points, colour, line, joint="curve")
            pen.circle(points[0], 1.4 * width + extra, colour)
            pen.polygon(_arrow(points, 4.5 * width, extra), colour)


def _arrow(points: list[Point], size: float, extra: float) -> list[Point]:
    """Return the head at the last point, in the direction of the last part of the path that is as long as the head."""
    tip = points[-1]
    for x, y in reversed(points):
        dx, dy = tip[0] - x, tip[1] - y
        length = (dx * dx + dy * dy) ** 0.5
        if length >= size:
            break
    else:
        dx, dy, length = 0.0, 1.0, 1.0
    ux, uy = dx / length, dy / length
    size += 2 * extra
    tip = (tip[0] + ux * extra, tip[1] + uy * extra)
    back = (tip[0] - ux * size, tip[1] - uy * size)
    side = size / 2
    return [tip, (back[0] - uy * side, back[1] + ux * side), (back[0] + uy * side, back[1] - ux * side)]
