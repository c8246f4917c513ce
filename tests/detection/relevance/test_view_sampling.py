from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cameras.media import decoder
from cameras.media.formats import MediaFaultError
from cameras.media.picture import Picture
from detection.relevance import view_sampling
from detection.relevance.signature import similarity
from detection.relevance.view_sampling import signature_if_due
from tests.detection.pictures import encoded, of_file
from tests.detection.relevance import views

pytestmark = pytest.mark.one_engine


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_sampling, "_last_at", {})


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The pictures that are decoded, with the size that was asked for."""
    asked: list[dict[str, Any]] = []
    render = decoder.render_pixels

    def counted(*args: Any, **options: Any) -> Any:
        asked.append(options)
        return render(*args, **options)

    monkeypatch.setattr(decoder, "render_pixels", counted)
    return asked


def large() -> Picture:
    """A file of 1920x1080 that shows the same as `views.picture`."""
    return of_file(encoded(Image.fromarray(views.picture(1)).resize((1920, 1080))))


def test_pixels_that_a_detector_decoded_are_not_decoded_again(decodes: list[dict[str, Any]]):
    picture = large()
    picture.reduced((416, 234), "RGB")
    assert signature_if_due(picture, "door", views.START, None) is not None
    assert len(decodes) == 1


def test_a_picture_that_a_service_decodes_is_decoded_small_and_matches_its_pixels(decodes: list[dict[str, Any]]):
    picture = large()
    assert picture.encoded
    signature = signature_if_due(picture, "door", views.START, None)
    assert [asked["least"] for asked in decodes] == [(320, 180)]
    of_pixels = signature_if_due(Picture(pixels=views.picture(2)), "other", views.START, None)
    assert signature is not None
    assert of_pixels is not None
    assert similarity(signature.structure, of_pixels.structure) > 0.9


def test_a_camera_has_a_signature_every_few_seconds_in_either_direction():
    picture = Picture(pixels=views.picture(1))

    def is_due(camera: str, seconds: float, offset: float | None = None) -> bool:
        return signature_if_due(picture, camera, views.START + timedelta(seconds=seconds), offset) is not None

    assert is_due("door", 0)
    assert not is_due("door", 4)
    assert is_due("yard", 4)
    assert not is_due("door", 0, 4.5)
    assert is_due("door", 0, 5)
    assert is_due("door", -60)


def test_only_the_first_frame_of_a_clip_has_tiles():
    picture = Picture(pixels=views.picture(1))
    first = signature_if_due(picture, "door", views.START, 0.0)
    later = signature_if_due(picture, "door", views.START, 10.0)
    assert first is not None
    assert later is not None
    assert (len(first.tiles), len(later.tiles)) == (48, 0)


def test_a_picture_that_cannot_be_decoded_here_has_no_signature_and_does_not_fail(monkeypatch: pytest.MonkeyPatch):
    def refuse(*args: Any) -> Any:
        raise MediaFaultError("of a kind that only the service knows")

    monkeypatch.setattr(Picture, "reduced", refuse)
    assert signature_if_due(large(), "door", views.START, None) is None
    monkeypatch.undo()
    assert signature_if_due(Picture(pixels=np.zeros((9, 9, 3), np.uint8)), "door", views.START, None) is not None
