"""The film of an event: its pictures in order, bounded, with boxes that stay within them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cameras.models import Upload
from events.media import filmstrip
from events.media.filmstrip import timeline_of
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def test_frames_are_in_the_order_of_time_and_hold_all_that_was_found_the_surest_first():
    event = factories.event()
    later, first = (factories.upload(event.camera, captured_at=NOW + timedelta(seconds=s)) for s in (10, 0))
    for upload, label, confidence in ((later, "car", 0.99), (first, "dog", 0.5), (first, "cat", 0.7)):
        factories.detection(
            upload, event.batches.get(), label=label, confidence=confidence, captured_at=upload.captured_at
        )
    shown = timeline_of(event)
    assert [[one.label for one in frame.boxes] for frame in shown.frames] == [["cat", "dog"], ["car"]]
    assert [frame.place for frame in shown.frames] == [0, 100]
    assert [row.name for row in shown.rows] == ["cat", "dog", "car"]
    assert shown.best == 1


def test_each_frame_of_a_clip_is_a_picture_of_its_own():
    event = factories.event()
    clip = factories.upload(event.camera, kind=Upload.Kind.VIDEO)
    made = [
        factories.detection(clip, event.batches.get(), frame_offset=offset, captured_at=NOW + timedelta(seconds=offset))
        for offset in (2.5, 0.0, 2.5)
    ]
    shown = timeline_of(event).frames
    assert [(frame.offset_seconds, len(frame.boxes)) for frame in shown] == [(0.0, 1), (2.5, 2)]
    assert shown[0].large == f"/api/detections/{made[1].pk}/frame?size=large"


def test_a_person_is_what_one_wants_to_see_first():
    event = factories.event()
    for second, label, confidence in ((0, "person", 0.4), (1, "person", 0.6), (2, "car", 0.99)):
        upload = factories.upload(event.camera, captured_at=NOW + timedelta(seconds=second))
        factories.detection(
            upload, event.batches.get(), label=label, confidence=confidence, captured_at=upload.captured_at
        )
    assert timeline_of(event).best == 1


def test_a_box_ends_with_its_picture():
    event = factories.event()
    factories.detection(factories.upload(event.camera), event.batches.get(), x=0.9, y=0.01, width=1.0, height=1.0)
    box = timeline_of(event).frames[0].boxes[0]
    assert (box.left + box.width, box.top + box.height) == (100, 100)
    assert box.is_high
    assert box.is_late


def test_a_long_film_is_cut(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(filmstrip, "MAX_FRAMES", 2)
    event = factories.event()
    for second in range(3):
        upload = factories.upload(event.camera, captured_at=NOW + timedelta(seconds=second))
        factories.detection(upload, event.batches.get(), captured_at=upload.captured_at)
    shown = timeline_of(event)
    assert (len(shown.frames), shown.is_cut) == (2, True)


def test_without_pictures_there_is_an_empty_film():
    shown = timeline_of(factories.event())
    assert (shown.frames, shown.rows, shown.best, shown.is_cut) == ((), (), 0, False)


def test_a_frame_shows_where_its_objects_came_from():
    event = factories.event()
    for second in range(3):
        at = NOW + timedelta(seconds=second)
        upload = factories.upload(event.camera, captured_at=at)
        factories.detection(upload, event.batches.get(), x=0.1 * second, captured_at=at, track=1)
        if second:
            factories.detection(
                upload, event.batches.get(), label="car", confidence=0.5, x=0.8, captured_at=at, track=2
            )
    shown = timeline_of(event)
    trails = [[(trail.number, len(trail.points)) for trail in frame.trails] for frame in shown.frames]
    assert trails == [[], [(1, 2)], [(1, 3), (2, 2)]]
    assert shown.frames[2].trails[0].svg == "10.0,80.0 20.0,80.0 30.0,80.0"
    assert [box.name for box in shown.frames[2].boxes] == ["person #1", "car #2"]
    assert shown.frames[2].boxes[0].colour == shown.frames[2].trails[0].colour


def test_an_object_has_one_row_also_if_its_label_changes():
    event = factories.event()
    for second, label in enumerate(["car", "truck", "truck"]):
        at = NOW + timedelta(seconds=second)
        upload = factories.upload(event.camera, captured_at=at)
        factories.detection(upload, event.batches.get(), label=label, captured_at=at, track=1)
        factories.detection(upload, event.batches.get(), label="dog", captured_at=at)
    assert [(row.name, len(row.points)) for row in timeline_of(event).rows] == [("truck #1", 3), ("dog", 3)]
