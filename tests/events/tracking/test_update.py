"""The stored tracks of an event: replaced as a whole, with a bounded number of queries."""

from __future__ import annotations

from datetime import timedelta

import pytest

from detection.models import Detection
from events.models import Event, Track
from events.tracking import update
from events.tracking.describe import parts
from events.tracking.update import stored_movement, update_tracks
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def event() -> Event:
    """A person who walks from the left to the middle in four pictures, the last two in a zone."""
    event = factories.event(people_at_once=0)
    for second in range(4):
        seen(event, second, 0.0 + 0.1 * second, zones=["door"] if second > 1 else [])
    return event


def seen(event: Event, second: int, x: float, **values: object) -> Detection:
    at = NOW + timedelta(seconds=second)
    upload = event.batches.get().detections.filter(captured_at=at).first()
    picture = upload.upload if upload else factories.upload(event.camera, captured_at=at)
    return factories.detection(picture, event.batches.get(), x=x, width=0.1, height=0.3, **values)


def rows(event: Event) -> list[Detection]:
    return list(event.batches.get().detections.order_by("pk"))


def test_the_track_of_an_event_says_what_its_object_did(event: Event):
    update_tracks(event, rows(event))
    track = event.tracks.get()
    assert (track.number, track.label, track.seconds, track.entry, track.moved) == (1, "person", 3, "left", True)
    assert track.path == [[0, 0.05, 0.6], [1, 0.15, 0.6], [2, 0.25, 0.6], [3, 0.35, 0.6]]
    assert track.zones == [{"zone": "door", "seconds": 1, "entered_at": "2026-03-01T12:00:02Z", "left_at": None}]
    assert track.best_detection == rows(event)[0].pk
    assert [row.track for row in rows(event)] == [1, 1, 1, 1]
    assert parts(stored_movement(track), {"door": "Door"}) == ["came from the left", "stayed 3 s", "1 s at Door"]
    assert Event.objects.get().people_at_once == event.people_at_once == 1


def test_another_judgement_replaces_the_tracks(event: Event):
    update_tracks(event, rows(event))
    seen(event, 2, 0.8)
    seen(event, 3, 0.8)
    seen(event, 1, 0.8, track=9)
    update_tracks(event, rows(event))
    assert list(event.tracks.order_by("number").values_list("number", "detection_count")) == [(1, 4), (2, 3)]
    assert [row.track for row in rows(event)] == [1, 1, 1, 1, 2, 2, 2]
    assert Event.objects.get().people_at_once == 2
    Detection.objects.filter(track=2).delete()
    update_tracks(event, rows(event))
    assert (event.tracks.count(), Event.objects.get().people_at_once) == (1, 1)


def test_an_event_without_detections_has_no_tracks(event: Event):
    update_tracks(event, rows(event))
    assert update_tracks(event, []) == []
    assert (event.tracks.count(), Event.objects.get().people_at_once) == (0, 0)


def test_a_visit_with_too_many_detections_is_followed_in_every_second_picture(
    event: Event, monkeypatch: pytest.MonkeyPatch
):
    update_tracks(event, rows(event))
    monkeypatch.setattr(update, "MOST_FOLLOWED", 2)
    update_tracks(event, rows(event))
    assert [row.track for row in rows(event)] == [1, None, 1, None]
    assert (event.tracks.get().detection_count, event.tracks.get().seconds) == (2, 2)


def test_only_the_tracks_with_the_most_sightings_are_kept(event: Event, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(update, "MOST_TRACKS", 1)
    seen(event, 0, 0.8)
    update_tracks(event, rows(event))
    assert event.tracks.get().detection_count == 4
    assert [row.track for row in rows(event)] == [1, 1, 1, 1, None]


def test_the_queries_are_bounded(event: Event, django_assert_num_queries):
    update_tracks(event, rows(event))
    seen(event, 4, 0.4)
    detections = rows(event)
    with django_assert_num_queries(3):  # delete, insert, and the number of the new detection
        update_tracks(event, detections)
    with django_assert_num_queries(2):
        update_tracks(event, detections)


def test_tracks_go_with_their_event(event: Event):
    update_tracks(event, rows(event))
    event.delete()
    assert Track.objects.count() == 0
