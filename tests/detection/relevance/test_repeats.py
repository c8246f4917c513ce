from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from cameras.models import Camera, Upload
from detection.models import Scene
from detection.relevance.repeats import report_repeating_cameras
from detection.relevance.view import State, ViewMemory
from hsi.models import StreamMessage
from tests import factories

pytestmark = pytest.mark.django_db

NOW = factories.NOW


@pytest.fixture
def original() -> Upload:
    camera = factories.camera("door")
    Scene.objects.create(camera=camera)
    return factories.upload(camera, captured_at=NOW - timedelta(minutes=7))


def repeat(original: Upload, minutes: float) -> Upload:
    at = original.captured_at + timedelta(minutes=minutes)
    return factories.upload(
        original.camera, state=Upload.State.DUPLICATE, duplicate_of=original, captured_at=at, received_at=at
    )


def view() -> tuple[str, datetime | None]:
    camera = Camera.objects.get()
    return camera.view, camera.view_since


def test_a_camera_that_repeats_one_file_for_minutes_is_frozen_since_that_file_and_reported_once(original: Upload):
    for minutes in (1, 2, 3, 4, 5.9):
        repeat(original, minutes)
    assert report_repeating_cameras(NOW) == 0
    repeat(original, 7)
    assert report_repeating_cameras(NOW) == 1
    assert report_repeating_cameras(NOW) == 0
    assert view() == ("frozen", original.captured_at)
    (message,) = StreamMessage.objects.filter(type="camera.status")
    assert (message.camera, message.data["view"]) == ("door", "frozen")
    assert ViewMemory.from_json(Scene.objects.get().view).state is State.FROZEN


def test_other_pictures_and_repeats_of_several_files_are_not_frozen(original: Upload):
    for minutes in (1, 2, 3, 4):
        repeat(original, minutes)
    factories.upload(original.camera, captured_at=NOW - timedelta(minutes=1.5))
    repeat(original, 7)
    assert report_repeating_cameras(NOW) == 0
    other = factories.upload(original.camera, captured_at=NOW - timedelta(hours=1))
    for minutes in range(55, 60):
        repeat(other, minutes)
    assert report_repeating_cameras(NOW) == 0
    assert view() == ("ok", None)


def test_a_black_camera_stays_black(original: Upload):
    Scene.objects.update(view=ViewMemory(state=State.BLACK, since=NOW).as_json())
    for minutes in range(8):
        repeat(original, minutes)
    assert report_repeating_cameras(NOW) == 0


def test_without_recent_duplicates_nothing_else_is_asked(original: Upload, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert report_repeating_cameras(NOW) == 0
