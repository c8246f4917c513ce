"""A camera that shows nothing useful, from its files to its row, its message and its memory of static objects."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cameras.models import Camera, Upload
from cameras.view import record_view
from detection import pipeline
from detection.detectors import Box, DetectedObject
from detection.models import Scene, StaticObject
from detection.relevance import measure, view_sampling
from hsi.models import AuditEntry, StreamMessage
from tests import factories
from tests.detection.relevance import views
from tests.detection.test_pipeline import Eye, detect, put

pytestmark = pytest.mark.django_db(transaction=True)

CAR = DetectedObject("car", 0.9, Box(0.1, 0.5, 0.3, 0.2))


class Door:
    """A camera whose pictures are files, and come every 10 seconds."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.camera = factories.camera("door")
        self.number = 0

    @property
    def now(self) -> datetime:
        return views.START + timedelta(seconds=10 * self.number)

    def sends(self, effect: views.Effect = views.unchanged, pictures: int = 6) -> None:
        for _ in range(pictures):
            self.number += 1
            self.detects(effect(views.picture(self.number), self.number))

    def detects(self, pixels: views.Pixels) -> None:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
        upload = put(f"door/{self.number}.jpg", buffer.getvalue(), self.root)
        Upload.objects.filter(pk=upload.pk).update(captured_at=self.now)
        detect()


@pytest.fixture
def door(data_dir: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Door:
    settings.DETECTOR = "tests.detection.test_pipeline.Eye"
    monkeypatch.setattr(view_sampling, "_last_at", {})
    Eye.sees, Eye.looked_at = [], []
    return Door(data_dir / "cameras")


def changes() -> list[dict[str, Any]]:
    messages = StreamMessage.objects.filter(type="camera.status", camera="door").order_by("seq")
    return [message.data for message in messages if message.data["view"]]


def test_a_black_camera_is_reported_once_and_once_when_it_is_fine_again(door: Door):
    door.sends()
    began = door.now + timedelta(seconds=10)
    door.sends(views.capped, 8)
    camera = Camera.objects.get()
    assert (camera.view, camera.view_since) == (Camera.View.BLACK, began)
    (black,) = changes()
    assert (black["status"], black["view"], black["view_since"]) == ("online", "black", began.isoformat()[:-6] + "Z")
    assert black["last_upload"] == Upload.objects.order_by("pk").all()[9].pk
    door.sends()
    assert [change["view"] for change in changes()] == ["black", "ok"]
    assert Camera.objects.get().view == Camera.View.OK


def test_a_camera_that_is_turned_at_noon_forgets_its_parked_car_and_sees_one_in_the_same_place(door: Door):
    Eye.sees = [CAR]
    door.sends(pictures=14)
    assert StaticObject.objects.get().label == "car"
    door.sends(views.turned, 7)
    assert Camera.objects.get().view == Camera.View.TURNED
    assert not StaticObject.objects.exists()
    entry = AuditEntry.objects.get(action="static_memory_restarted")
    assert entry.object == "camera door"
    assert [one["label"] for one in entry.before or ()] == ["car"]
    assert Scene.objects.get().pictures == 2
    assert [change["view"] for change in changes()] == ["turned"]


def test_what_a_camera_shows_is_stored_with_its_picture_or_not_at_all(door: Door, monkeypatch: pytest.MonkeyPatch):
    door.sends()
    door.sends(views.capped, 3)
    before = Scene.objects.values().get()

    def fail_after(*args: Any) -> None:
        record_view(*args)
        raise OSError("no commit")

    monkeypatch.setattr(pipeline, "record_view", fail_after)
    door.sends(views.capped, 1)
    assert Scene.objects.values().get() == before
    assert (Camera.objects.get().view, changes()) == (Camera.View.OK, [])


def test_pictures_in_quick_succession_get_one_signature(door: Door, monkeypatch: pytest.MonkeyPatch):
    signatures: list[Any] = []
    monkeypatch.setattr(measure, "signature_of", lambda pixels, **_: signatures.append(pixels.shape))
    for seconds, number in ((0, 1), (4, 1), (5, 2), (3, 2), (60, 3)):
        monkeypatch.setattr(Door, "now", views.START + timedelta(seconds=seconds))
        door.sends(pictures=1)
        assert len(signatures) == number
