from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest
from django.test import Client

from cameras.models import Camera, Upload
from detection.models import Batch
from events.models import Event
from hsi.models import AuditEntry, QueueJob, StreamMessage
from tests import factories, pictures

pytestmark = pytest.mark.django_db


@pytest.fixture
def door(data_dir: Path) -> Camera:
    return factories.camera("door")


@pytest.fixture
def person(client: Client, door: Camera) -> Client:
    client.force_login(factories.user(sees=door))
    return client


def send(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    return client.post(f"/api/events/{path}", body or {}, content_type="application/json", headers=headers)


def listed(client: Client, path: str = "") -> list[int]:
    return [event["id"] for event in client.get(f"/api/events{path}").json()["items"]]


def test_a_deleted_event_is_in_the_trash_and_nowhere_else_until_it_is_restored(person: Client, door: Camera):
    event = factories.event(door)
    assert person.delete(f"/api/events/{event.pk}").status_code == 204
    assert (listed(person), listed(person, "/trash")) == ([], [event.pk])
    assert person.get(f"/api/events/{event.pk}").status_code == 404
    assert person.get("/api/events/stats").json()["events"] == 0
    assert person.delete(f"/api/events/{event.pk}").status_code == 404
    assert send(person, f"{event.pk}/restore").json()["id"] == event.pk
    assert (listed(person), listed(person, "/trash")) == ([event.pk], [])
    assert send(person, f"{event.pk}/restore").status_code == 404
    assert list(StreamMessage.objects.order_by("pk").values_list("type", flat=True)) == [
        "event.deleted", "event.updated",
    ]  # fmt: skip
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "event_deleted", "event_restored",
    ]  # fmt: skip


def test_the_detections_of_a_deleted_event_name_no_event(person: Client, door: Camera):
    event = factories.event(door)
    factories.detection(factories.upload(door), event.batches.get())
    person.delete(f"/api/events/{event.pk}")
    assert [one["event"] for one in person.get("/api/detections").json()["items"]] == [None]


def test_an_event_is_judged_again_once_however_often_it_is_asked(person: Client, door: Camera):
    event = factories.event(door)
    first, again = send(person, f"{event.pk}/reanalyse"), send(person, f"{event.pk}/reanalyse")
    assert (first.status_code, again.status_code) == (202, 202)
    assert (first.json()["analysis"], first.json()["risk_score"]) == ("pending", 70)
    assert Batch.objects.get().state == Batch.State.CLOSED
    assert QueueJob.objects.get().row_id == event.batches.get().pk


def test_many_events_are_reviewed_and_it_is_said_of_each(person: Client, door: Camera):
    mine, other = factories.event(door), factories.event()
    answer = send(person, "bulk-review", {"ids": [other.pk, mine.pk, 999_999, mine.pk], "reviewed": True})
    assert answer.status_code == 207
    assert answer.json()["items"] == [
        {"id": other.pk, "status": 404, "code": "NOT_FOUND"},
        {"id": mine.pk, "status": 200, "code": ""},
        {"id": 999_999, "status": 404, "code": "NOT_FOUND"},
    ]
    assert list(Event.objects.filter(reviewed=True)) == [mine]


def test_many_events_go_into_the_trash_and_those_of_others_stay(person: Client, door: Camera):
    mine, other = factories.event(door), factories.event()
    answer = send(person, "bulk-delete", {"ids": [mine.pk, other.pk]})
    assert [(one["status"], one["code"]) for one in answer.json()["items"]] == [(204, ""), (404, "NOT_FOUND")]
    assert list(Event.objects.all()) == [other]


@pytest.mark.parametrize("ids", [[], [0], [-1], [2**63], ["x"], [True], "1", None, list(range(1, 202))])
def test_ids_that_are_none_are_an_error_of_their_field(person: Client, ids: Any):
    answer = send(person, "bulk-delete", {"ids": ids})
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"ids"})


def test_a_clip_is_made_of_the_pictures_and_heeds_ranges(person: Client, door: Camera, data_dir: Path, tmp_path: Path):
    event = factories.event(door)
    for colour in (pictures.RED, (0, 0, 200)):
        factories.detection(
            pictures.stored(pictures.jpeg(colour=colour), f"{colour[0]}.jpg", door), event.batches.get()
        )
    answer = person.get(f"/api/events/{event.pk}/clip")
    assert (answer.status_code, answer["Content-Type"]) == (200, "video/mp4")
    path = tmp_path / "clip.mp4"
    path.write_bytes(answer.getvalue())
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 2
    part = person.get(f"/api/events/{event.pk}/clip", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.getvalue()) == (206, path.read_bytes()[:4])
    same = person.get(f"/api/events/{event.pk}/clip", headers={"If-None-Match": answer["ETag"]})
    assert same.status_code == 304


def test_the_clip_of_the_camera_itself_is_preferred(person: Client, door: Camera, data_dir: Path):
    event = factories.event(door)
    factories.detection(pictures.stored(pictures.jpeg(), "a.jpg", door), event.batches.get())
    recorded = pictures.stored(b"0123456789", "a.mp4", door, kind=Upload.Kind.VIDEO)
    factories.detection(recorded, event.batches.get())
    assert person.get(f"/api/events/{event.pk}/clip").getvalue() == b"0123456789"


def test_an_event_without_pictures_has_no_clip(person: Client, door: Camera):
    assert person.get(f"/api/events/{factories.event(door).pk}/clip").status_code == 404
