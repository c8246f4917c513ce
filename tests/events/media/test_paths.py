"""The paths of tracks: visible on any picture, and within it."""

from __future__ import annotations

import pytest
from PIL import Image

from events.media import paths
from events.media.paths import Path, colour_of_track, draw_paths, paths_of
from tests import factories


def drawn(*walked: Path, size: tuple[int, int] = (320, 180), ground: str = "#000000") -> Image.Image:
    image = Image.new("RGB", size, ground)
    draw_paths(image, walked)
    return image


@pytest.mark.django_db
def test_the_paths_are_those_of_objects_that_moved(monkeypatch: pytest.MonkeyPatch):
    event = factories.event()
    factories.track(event)
    factories.track(event, moved=False)
    factories.track(event, detection_count=9, path=[[0, 0.1, 0.2], [1, 0.3, 0.2]])
    factories.track()
    third, first = paths_of(event)
    assert third == Path(3, ((0.1, 0.2), (0.3, 0.2)))
    assert (first.number, third.svg) == (1, "10.0,20.0 30.0,20.0")
    monkeypatch.setattr(paths, "MOST_PATHS", 1)
    assert paths_of(event) == (third,)


@pytest.mark.parametrize("ground", ["#000000", "#ffffff", "#ff4d5e", "#7f7f7f"])
def test_a_path_is_visible_on_every_ground(ground: str):
    image = drawn(Path(1, ((0.1, 0.5), (0.9, 0.5))), ground=ground)
    column = {image.getpixel((160, y)) for y in range(80, 100)}
    assert {(255, 77, 94), (16, 20, 24)} <= column


def test_the_arrow_is_at_the_end_and_points_there():
    image = drawn(Path(1, ((0.2, 0.5), (0.8, 0.5))))
    heights = [image.crop((x, 0, x + 1, 180)).getbbox() for x in (100, 248)]
    line, arrow = (box[3] - box[1] for box in heights if box)
    assert arrow > 1.5 * line


@pytest.mark.parametrize("size", [(2, 2), (1, 600), (1280, 720)])
@pytest.mark.parametrize(
    "points", [(), ((0.5, 0.5),), ((0.5, 0.5), (0.5, 0.5)), ((0, 0), (1, 1)), ((1, 1), (0, 0), (1, 1))]
)
def test_every_path_can_be_drawn(size: tuple[int, int], points: tuple[tuple[float, float], ...]):
    assert drawn(Path(1, points), size=size).size == size


def test_neighbouring_tracks_have_different_colours():
    assert len({colour_of_track(number) for number in range(1, len(paths.COLOURS) + 1)}) == len(paths.COLOURS)
    assert colour_of_track(1) == colour_of_track(len(paths.COLOURS) + 1)
