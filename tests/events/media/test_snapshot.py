from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageChops

from cameras.files.originals import MediaGoneError
from cameras.models import Upload
from detection.models import Detection
from events.media import snapshot
from tests import factories, pictures


def found(label: str = "person", **values: float) -> Detection:
    facts = {"confidence": 0.9, "x": 0.25, "y": 0.25, "width": 0.5, "height": 0.5, **values}
    return Detection(label=label, **facts)


def boxed(*detections: Detection, size: tuple[int, int] = (400, 300)) -> Image.Image:
    """A black picture with the boxes of `detections`."""
    image = Image.new("RGB", size)
    snapshot.draw_boxes(image, detections)
    return image


def changed_area(*detections: Detection, size: tuple[int, int] = (400, 300)) -> tuple[int, int, int, int]:
    area = boxed(*detections, size=size).getbbox()
    assert area is not None
    return area


@pytest.mark.django_db
def test_the_best_picture_is_the_one_with_the_surest_person():
    event = factories.event()
    cat, person = factories.upload(event.camera), factories.upload(event.camera)
    factories.detection(cat, event.batches.get(), label="cat", confidence=0.99)
    factories.detection(cat, event.batches.get(), confidence=0.6)
    best = factories.detection(person, event.batches.get(), confidence=0.7)
    beside = factories.detection(person, event.batches.get(), label="dog", confidence=0.8)
    view = snapshot.best_view(event)
    assert (view.upload, view.detections) == (person, (beside, best))


@pytest.mark.django_db
def test_without_a_person_the_best_picture_has_the_surest_object():
    event = factories.event()
    factories.detection(factories.upload(event.camera), event.batches.get(), label="dog", confidence=0.6)
    best = factories.detection(factories.upload(event.camera), event.batches.get(), label="cat", confidence=0.7)
    assert snapshot.best_view(event).detections == (best,)


@pytest.mark.django_db
def test_boxes_of_other_frames_and_other_batches_are_not_drawn():
    event = factories.event()
    clip = factories.upload(event.camera, kind=Upload.Kind.VIDEO)
    best = factories.detection(clip, event.batches.get(), frame_offset=2.0)
    factories.detection(clip, event.batches.get(), frame_offset=4.0, confidence=0.8)
    factories.detection(clip, frame_offset=2.0)
    view = snapshot.best_view(event)
    assert (view.offset_seconds, view.detections) == (2.0, (best,))


@pytest.mark.django_db
def test_an_event_without_detections_has_no_picture():
    with pytest.raises(MediaGoneError):
        snapshot.best_view(factories.event())


@pytest.mark.django_db
def test_the_frame_of_a_clip_is_the_one_the_detection_is_from(data_dir: Path):
    content = pictures.clip([pictures.RED, pictures.GREEN, pictures.BLUE])
    upload = pictures.stored(content, "a.mp4", kind=Upload.Kind.VIDEO)
    image = pictures.shown(snapshot.draw(snapshot.View(upload, 2.0, ()), boxes=True))
    assert pictures.looks_like(image.getpixel((5, 5)), pictures.BLUE)


@pytest.mark.django_db
def test_boxes_fit_the_small_picture_where_the_file_is_gone(data_dir: Path):
    pictures.put(data_dir / "thumbnails/a.jpg", pictures.jpeg((320, 240)))
    upload = factories.upload(thumbnail="thumbnails/a.jpg")
    image = pictures.shown(snapshot.draw(snapshot.View(upload, None, (found(),)), boxes=True))
    assert image.size == (320, 240)


def test_the_box_is_drawn_where_the_object_is_and_its_tab_above():
    left, top, right, bottom = changed_area(found())
    assert (left, right, bottom) == (100, 301, 226)
    assert 55 < top < 75


def test_the_tab_is_drawn_inside_where_there_is_no_room_above():
    assert changed_area(found(y=0.0))[1] == 0
    assert changed_area(found(y=0.0, height=1.0)) == (100, 0, 301, 300)


def test_a_tab_at_the_right_edge_stays_in_the_picture_whole():
    left, _, right, _ = changed_area(found(x=0.98, width=0.02))
    assert right == 400
    assert left < 350


def test_two_tabs_at_one_place_do_not_cover_each_other():
    one, two = found(y=0.3), found("car", y=0.3)
    alone, both, tab = boxed(one), boxed(one, two), (102, 74, 160, 88)
    assert ImageChops.difference(alone.crop(tab), both.crop(tab)).getbbox() is None


@pytest.mark.parametrize("size", [(2, 2), (16, 9), (1, 600), (1280, 720)])
@pytest.mark.parametrize("label", ["person", "", "\n\0", "人", "a" * 64])
def test_every_allowed_box_and_label_can_be_drawn(size: tuple[int, int], label: str):
    boxes = [(0.0, 0.0, 1.0, 1.0), (1.0, 1.0, 1.0, 1.0), (0.5, 0.5, 1e-9, 1e-9)]
    detections = tuple(found(label, x=x, y=y, width=width, height=height) for x, y, width, height in boxes)
    assert boxed(*detections, size=size).size == size


def test_a_label_keeps_its_colour():
    assert snapshot.colour_of("person") != snapshot.colour_of("car")
    assert snapshot.colour_of("umbrella") == snapshot.colour_of("umbrella")


@pytest.mark.django_db
def test_the_picture_shows_the_paths_of_the_event_and_changes_with_them(data_dir: Path):
    event = factories.event()
    upload = pictures.stored(pictures.jpeg((320, 240)), "a.jpg", event.camera)
    factories.detection(upload, event.batches.get(), x=0.4, y=0.6, width=0.2, height=0.2)
    before = snapshot.best_view(event)
    factories.track(event, path=[[0, 0.1, 0.25], [9, 0.9, 0.25]])
    view = snapshot.best_view(event)
    assert before.key != view.key
    plain, walked = (pictures.shown(snapshot.draw(view, boxes=boxes)) for boxes in (False, True))
    changed = ImageChops.difference(plain.crop((0, 30, 320, 90)), walked.crop((0, 30, 320, 90)))
    assert changed.getbbox() is not None
    assert event.tracks.update(moved=False) == 1
    assert snapshot.best_view(event).key == before.key


def test_a_detection_has_the_colour_of_its_track():
    assert snapshot.colour_of_object(found(track=2)) != snapshot.colour_of_object(found())
    assert snapshot.colour_of_object(found(track=2)) == snapshot.colour_of_object(found("car", track=2))
