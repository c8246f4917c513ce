from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client

from cameras.media.transforms import crop
from cameras.models import Camera, Upload
from detection.api import surroundings
from detection.models import Detection, StaticObject
from hsi.models import AuditEntry
from hsi.security.roles import Role
from tests import factories, pictures

pytestmark = pytest.mark.django_db


@pytest.fixture
def door() -> Camera:
    return factories.camera("door")


@pytest.fixture
def viewer(client: Client, door: Camera) -> Client:
    client.force_login(factories.user(sees=door))
    return client


def test_a_detection_has_the_fields_of_the_contract_and_knows_its_event(viewer: Client, door: Camera):
    event = factories.event(door)
    detection = factories.detection(factories.upload(door), event.batches.get(), track=1)
    answer = viewer.get(f"/api/detections/{detection.pk}").json()
    assert answer == {
        "id": detection.pk,
        "camera": "door",
        "upload": detection.upload_id,
        "label": "person",
        "confidence": 0.9,
        "box": {"x": 0.4, "y": 0.3, "width": 0.2, "height": 0.5},
        "captured_at": "2026-03-01T12:00:00Z",
        "frame_offset": None,
        "zones": [],
        "event": event.pk,
        "track": 1,
        "is_static": False,
        "ignored": "",
        "thumbnail_url": f"/api/detections/{detection.pk}/thumbnail",
    }


def test_a_detection_of_an_open_batch_has_no_event_yet(viewer: Client, door: Camera):
    detection = factories.detection(factories.upload(door))
    assert viewer.get(f"/api/detections/{detection.pk}").json()["event"] is None


def test_a_detection_that_does_not_count_says_why_and_has_no_event(viewer: Client, door: Camera):
    upload = factories.upload(door)
    static = factories.detection(upload, ignored="static", batch=None)
    chair = factories.detection(upload, ignored="label", batch=None, label="chair")
    person = factories.detection(upload)
    listed = {one["id"]: one for one in viewer.get("/api/detections").json()["items"]}
    assert [(listed[pk]["ignored"], listed[pk]["is_static"]) for pk in (static.pk, chair.pk, person.pk)] == [
        ("static", True), ("label", False), ("", False),
    ]  # fmt: skip
    assert listed[static.pk]["event"] is None
    for value, expected in (("true", {person.pk}), ("false", {static.pk, chair.pk})):
        assert {one["id"] for one in viewer.get(f"/api/detections?counts={value}").json()["items"]} == expected


def test_static_objects_are_listed_by_camera(viewer: Client, door: Camera):
    one = factories.static_object(door, label="truck")
    factories.static_object()
    assert viewer.get("/api/cameras/door/static-objects").json()["items"] == [
        {
            "id": one.pk,
            "camera": "door",
            "label": "truck",
            "label_group": "vehicle",
            "box": {"x": 0.4, "y": 0.3, "width": 0.2, "height": 0.5},
            "since": "2026-03-01T12:00:00Z",
            "last_seen_at": "2026-03-01T13:00:00Z",
            "sightings": 20,
        }
    ]


def test_operators_forget_static_objects_of_their_cameras(client: Client, door: Camera):
    client.force_login(factories.user(sees=door))
    first, second, other = factories.static_object(door), factories.static_object(door), factories.static_object()
    assert client.delete(f"/api/cameras/door/static-objects/{other.pk}").status_code == 404
    assert client.delete(f"/api/cameras/{other.camera_id}/static-objects").status_code == 404
    assert client.delete(f"/api/cameras/door/static-objects/{first.pk}").status_code == 204
    assert client.delete(f"/api/cameras/door/static-objects/{first.pk}").status_code == 404
    assert set(StaticObject.objects.all()) == {second, other}
    assert client.delete("/api/cameras/door/static-objects").status_code == 204
    assert set(StaticObject.objects.all()) == {other}
    assert list(AuditEntry.objects.values_list("action", "object")) == [("static_object_forgotten", "camera door")] * 2


def test_viewers_forget_nothing(client: Client, door: Camera):
    client.force_login(factories.user(sees=door, role=Role.VIEWER))
    one = factories.static_object(door)
    assert client.delete(f"/api/cameras/door/static-objects/{one.pk}").status_code == 403
    assert client.delete("/api/cameras/door/static-objects").status_code == 403


def test_detections_are_listed_newest_first_and_filtered(viewer: Client, door: Camera):
    event = factories.event(door)
    times = [factories.NOW + timedelta(minutes=minute) for minute in range(3)]
    upload = factories.upload(door)
    old, cat, new = (
        factories.detection(upload, captured_at=times[0], confidence=0.5),
        factories.detection(upload, captured_at=times[1], label="cat", confidence=0.6),
        factories.detection(upload, event.batches.get(), captured_at=times[2]),
    )
    factories.detection()

    def ids(**query: str | int) -> list[int]:
        return [one["id"] for one in viewer.get("/api/detections", query).json()["items"]]

    assert ids() == [new.pk, cat.pk, old.pk]
    assert ids(label="cat") == [cat.pk]
    assert ids(min_confidence="0.6") == [new.pk, cat.pk]
    assert ids(after=times[1].isoformat()) == [new.pk, cat.pk]
    assert ids(before=times[1].isoformat()) == [old.pk]
    assert ids(event=event.pk) == [new.pk]
    assert ids(camera="door", limit=1) == [new.pk]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("min_confidence=nan", "min_confidence"),
        ("min_confidence=1.5", "min_confidence"),
        ("event=all", "event"),
        ("event=" + "9" * 30, "event"),
        ("label=" + "a" * 65, "label"),
        ("zone=door", "zone"),
    ],
)
def test_a_filter_that_does_not_fit_is_an_error_of_its_field(viewer: Client, query: str, field: str):
    response = viewer.get(f"/api/detections?{query}")
    assert (response.status_code, list(response.json()["errors"])) == (400, [field])


def test_the_number_of_queries_does_not_grow_with_the_detections(
    viewer: Client, door: Camera, django_assert_num_queries
):
    upload, event = factories.upload(door), factories.event(door)
    for _ in range(5):
        factories.detection(upload, event.batches.get())
    with django_assert_num_queries(3):  # session, user, detections
        assert len(viewer.get("/api/detections").json()["items"]) == 5


def test_a_thumbnail_is_the_box_cut_out_of_the_picture(viewer: Client, door: Camera, data_dir: Path):
    upload = pictures.stored(pictures.jpeg((1000, 800), pictures.RED), of=door)
    detection = factories.detection(upload, x=0.5, y=0.5, width=0.2, height=0.1)
    response = viewer.get(f"/api/detections/{detection.pk}/thumbnail")
    image = pictures.shown(response.content)
    assert response["Content-Type"] == "image/jpeg"
    assert image.size == (300, 120)  # a quarter more on each side
    assert pictures.looks_like(image.getpixel((10, 10)), pictures.RED)


def test_a_thumbnail_of_a_clip_is_cut_out_of_the_very_frame(viewer: Client, door: Camera, data_dir: Path):
    content = pictures.clip([pictures.RED, pictures.GREEN, pictures.BLUE])
    upload = pictures.stored(content, "a.mp4", door, kind=Upload.Kind.VIDEO)
    detection = factories.detection(upload, frame_offset=1.0)
    image = pictures.shown(viewer.get(f"/api/detections/{detection.pk}/thumbnail").content)
    assert pictures.looks_like(image.getpixel((5, 5)), pictures.GREEN)


@pytest.mark.parametrize(("size", "width"), [("", 1280), ("?size=large", 1280), ("?size=small", 320)])
def test_the_frame_is_the_whole_picture(viewer: Client, door: Camera, data_dir: Path, size: str, width: int):
    detection = factories.detection(pictures.stored(pictures.jpeg((2560, 1920), pictures.RED), of=door))
    address = f"/api/detections/{detection.pk}/frame{size}"
    response = viewer.get(address)
    assert pictures.shown(response.content).size == (width, width * 3 // 4)
    assert viewer.get(address, headers={"If-None-Match": response["ETag"]}).status_code == 304


def test_the_frame_of_a_clip_is_the_very_frame(viewer: Client, door: Camera, data_dir: Path):
    content = pictures.clip([pictures.RED, pictures.GREEN, pictures.BLUE])
    upload = pictures.stored(content, "a.mp4", door, kind=Upload.Kind.VIDEO)
    for offset, colour in ((0.0, pictures.RED), (2.0, pictures.BLUE)):
        detection = factories.detection(upload, frame_offset=offset)
        image = pictures.shown(viewer.get(f"/api/detections/{detection.pk}/frame").content)
        assert pictures.looks_like(image.getpixel((5, 5)), colour)


def test_a_frame_of_an_unknown_size_is_refused(viewer: Client, door: Camera):
    response = viewer.get(f"/api/detections/{factories.detection(factories.upload(door)).pk}/frame?size=huge")
    assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR")


def test_a_thumbnail_of_a_clip_that_is_gone_is_no_other_frame(viewer: Client, door: Camera, data_dir: Path):
    pictures.put(data_dir / "thumbnails/one.jpg", pictures.jpeg())
    upload = factories.upload(door, kind=Upload.Kind.VIDEO, thumbnail="thumbnails/one.jpg")
    response = viewer.get(f"/api/detections/{factories.detection(upload, frame_offset=1.0).pk}/thumbnail")
    assert (response.status_code, response.json()["code"]) == (404, "MEDIA_GONE")


@pytest.mark.parametrize(
    "box", [(0.0, 0.0, 1.0, 1.0), (1.0, 1.0, 1.0, 1.0), (0.5, 0.5, 1e-9, 1e-9), (0.9, 0.9, 0.5, 0.5)]
)
def test_every_allowed_box_can_be_cut_out(box: tuple[float, float, float, float]):
    x, y, width, height = box
    picture = pictures.shown(pictures.jpeg((64, 48)))
    cut = crop(picture, surroundings(Detection(x=x, y=y, width=width, height=height)))
    assert cut.width >= 1
    assert cut.height >= 1
