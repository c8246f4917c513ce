from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from cameras.models import Camera
from events.models import Event
from events.serializers import event_data
from hsi.models import StreamMessage
from tests import factories, pictures

pytestmark = pytest.mark.django_db

FIELDS = (
    "id camera started_at ended_at risk_score risk_level risk_source rule_score model_score analysis summary reasoning"
    " recommended_action model labels detection_count people_at_once is_fast_path ended continues held_back_by"
    " reviewed notes snooze_until snapshot_url created_at updated_at"
)


@pytest.fixture
def door() -> Camera:
    return factories.camera("door")


@pytest.fixture
def viewer(client: Client, door: Camera) -> Client:
    client.force_login(factories.user(sees=door))
    return client


def patch(client: Client, event: Event, body: Any, **headers: str) -> Any:
    return client.patch(f"/api/events/{event.pk}", body, content_type="application/json", headers=headers)


def test_an_event_has_exactly_the_fields_of_the_contract(viewer: Client, door: Camera):
    event = factories.event(door)
    answer = viewer.get(f"/api/events/{event.pk}").json()
    assert " ".join(answer) == f"{FIELDS} tracks"
    assert " ".join(viewer.get("/api/events").json()["items"][0]) == FIELDS
    assert answer["snapshot_url"] == f"/api/events/{event.pk}/snapshot?boxes=1"
    assert (answer["started_at"], answer["ended_at"]) == ("2026-03-01T12:00:00Z", "2026-03-01T12:00:10Z")


def test_the_stream_and_the_api_show_the_same_event(viewer: Client, door: Camera):
    event = factories.event(door, snooze_until=factories.NOW)
    event.refresh_from_db()
    shown = json.loads(json.dumps(event_data(event)))
    assert [shown] == viewer.get("/api/events").json()["items"]
    assert {**shown, "tracks": []} == viewer.get(f"/api/events/{event.pk}").json()


def test_an_event_without_a_verdict_has_no_score(viewer: Client, door: Camera):
    answer = viewer.get(f"/api/events/{factories.event(door, analysis='pending').pk}").json()
    assert (answer["analysis"], answer["risk_score"], answer["risk_level"]) == ("pending", None, None)


def test_events_are_listed_newest_first_and_filtered(viewer: Client, door: Camera):
    times = [factories.NOW + timedelta(minutes=minute) for minute in range(3)]
    low = factories.event(door, started_at=times[0], risk_score=10, risk_level="low", reviewed=True)
    high = factories.event(door, started_at=times[1], labels=["dog", "sports ball"])
    pending = factories.event(door, started_at=times[2], analysis="pending")
    factories.event()

    def ids(**query: str | int) -> list[int]:
        return [one["id"] for one in viewer.get("/api/events", query).json()["items"]]

    assert ids() == [pending.pk, high.pk, low.pk]
    assert ids(risk_level="high") == [high.pk]
    assert ids(min_risk=10) == [high.pk, low.pk]
    assert ids(min_risk=11) == [high.pk]
    assert ids(label="dog") == [high.pk]
    assert ids(label="sports ball") == [high.pk]
    assert ids(label="do") == ids(label="dog sports") == ids(label="DOG") == ids(label="*") == []
    assert ids(reviewed="true") == [low.pk]
    assert ids(reviewed="false") == [pending.pk, high.pk]
    assert ids(after=times[1].isoformat(), before=times[2].isoformat()) == [high.pk]
    assert ids(camera="garden") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("risk_level=huge", "risk_level"),
        ("min_risk=101", "min_risk"),
        ("min_risk=1.5", "min_risk"),
        ("reviewed=maybe", "reviewed"),
        ("after=2026-13-01T00:00:00Z", "after"),
        ("order=risk", "order"),
        ("order=rank", "order"),
        ("order=rank&q=!", "order"),
        ("order=rank&q=a&cursor=x", "order"),
        ("q=" + 201 * "a", "q"),
        ("q=a%00b", "q"),
    ],
)
def test_a_filter_that_does_not_fit_is_an_error_of_its_field(viewer: Client, query: str, field: str):
    response = viewer.get(f"/api/events?{query}")
    assert (response.status_code, list(response.json()["errors"])) == (400, [field])


def test_the_number_of_queries_does_not_grow_with_the_events(viewer: Client, door: Camera, django_assert_num_queries):
    for _ in range(5):
        factories.event(door)
    with django_assert_num_queries(3):  # session, user, events
        assert len(viewer.get("/api/events?camera=door&reviewed=false").json()["items"]) == 5
    with django_assert_num_queries(3):
        assert len(viewer.get("/api/events").json()["items"]) == 5


def test_events_of_the_same_moment_are_paged_without_a_gap_or_a_repeat(viewer: Client, door: Camera):
    made = {factories.event(door).pk for _ in range(5)}
    seen: list[int] = []
    cursor = ""
    while True:
        page = viewer.get(f"/api/events?limit=2&cursor={cursor}").json()
        seen += [one["id"] for one in page["items"]]
        if not page["has_more"]:
            break
        cursor = page["next_cursor"]
    assert seen == sorted(made, reverse=True)


def test_a_review_is_stored_and_told_once(viewer: Client, door: Camera):
    event = factories.event(door)
    body = {"reviewed": True, "notes": "The postman.", "snooze_until": "2026-03-02T00:00:00+01:00"}
    answer = patch(viewer, event, body).json()
    assert (answer["reviewed"], answer["notes"], answer["snooze_until"]) == (
        True,
        "The postman.",
        "2026-03-01T23:00:00Z",
    )
    message = StreamMessage.objects.get()
    assert (message.type, message.camera, message.data) == ("event.updated", "door", answer)
    event.refresh_from_db()
    assert event.reviewed
    assert event.updated_at > event.created_at


def test_a_review_that_changes_nothing_is_not_told(viewer: Client, door: Camera):
    event = factories.event(door)
    assert patch(viewer, event, {"reviewed": False}).status_code == 200
    assert patch(viewer, event, {}).status_code == 200
    assert not StreamMessage.objects.exists()


def test_a_snooze_can_be_taken_back(viewer: Client, door: Camera):
    event = factories.event(door, snooze_until=factories.NOW)
    assert patch(viewer, event, {"snooze_until": None}).json()["snooze_until"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"risk_score": 0}, "risk_score"),
        ({"reviewed": True, "camera": "garden"}, "camera"),
        ({"reviewed": "perhaps"}, "reviewed"),
        ({"reviewed": None}, "reviewed"),
        ({"notes": "n" * 10_001}, "notes"),
        ({"notes": "a\0b"}, "notes"),
        ({"notes": "\ud800"}, "notes"),
        ({"notes": ["a"]}, "notes"),
        ({"snooze_until": "soon"}, "snooze_until"),
        ({"snooze_until": "0001-01-01T00:00:00+14:00"}, "snooze_until"),
        ([], "non_field_errors"),
    ],
)
def test_a_review_that_does_not_fit_is_an_error_of_its_field_and_stores_nothing(
    viewer: Client, door: Camera, body: Any, field: str
):
    event = factories.event(door)
    response = patch(viewer, event, body)
    assert (response.status_code, list(response.json()["errors"])) == (400, [field])
    event.refresh_from_db()
    assert (event.reviewed, event.notes) == (False, "")
    assert not StreamMessage.objects.exists()


@pytest.mark.parametrize(
    ("body", "content_type", "status"), [("{", "application/json", 400), ("a=b", "text/plain", 415)]
)
def test_a_body_that_is_no_json_is_a_problem(viewer: Client, door: Camera, body: str, content_type: str, status: int):
    event = factories.event(door)
    response = viewer.patch(f"/api/events/{event.pk}", body, content_type=content_type)
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")


def test_an_event_of_another_camera_cannot_be_reviewed(viewer: Client):
    event = factories.event()
    assert patch(viewer, event, {"reviewed": True}).status_code == 404
    event.refresh_from_db()
    assert not event.reviewed


def test_a_token_needs_the_write_scope_to_review(client: Client, door: Camera):
    event, owner = factories.event(door), factories.user(sees=door)
    for scopes, status in ((("read", "ingest"), 403), (("write",), 200)):
        token = factories.token(owner, *scopes)
        assert patch(client, event, {"reviewed": True}, Authorization=f"Bearer {token}").status_code == status


def test_the_detections_of_an_event_are_paged(viewer: Client, door: Camera, django_assert_num_queries):
    event, upload = factories.event(door), factories.upload(door)
    found = [factories.detection(upload, event.batches.get()) for _ in range(3)]
    factories.detection(upload)
    with django_assert_num_queries(4):  # session, user, event, detections
        answer = viewer.get(f"/api/events/{event.pk}/detections?limit=2").json()
    assert [one["id"] for one in answer["items"]] == [found[2].pk, found[1].pk]
    assert {one["event"] for one in answer["items"]} == {event.pk}
    assert answer["has_more"] is True


def test_a_snapshot_has_boxes_when_asked_for(viewer: Client, door: Camera, data_dir: Path, django_assert_num_queries):
    event = factories.event(door)
    upload = pictures.stored(pictures.jpeg((1600, 900)), of=door)
    factories.detection(upload, event.batches.get())
    plain = viewer.get(f"/api/events/{event.pk}/snapshot")
    with django_assert_num_queries(6):  # session, user, event, best detection, those beside it, paths
        boxed = viewer.get(f"/api/events/{event.pk}/snapshot?boxes=1")
    assert pictures.shown(plain.content).size == pictures.shown(boxed.content).size == (1280, 720)
    assert plain.content != boxed.content
    assert plain["ETag"] != boxed["ETag"]
    again = viewer.get(f"/api/events/{event.pk}/snapshot?boxes=1", headers={"If-None-Match": boxed["ETag"]})
    assert again.status_code == 304


def test_a_snapshot_without_a_picture_is_a_problem(viewer: Client, door: Camera, data_dir: Path):
    event = factories.event(door)
    response = viewer.get(f"/api/events/{event.pk}/snapshot")
    assert (response.status_code, response.json()["code"]) == (404, "MEDIA_GONE")
    factories.detection(factories.upload(door), event.batches.get())
    response = viewer.get(f"/api/events/{event.pk}/snapshot")
    assert (response.status_code, response.json()["code"]) == (404, "MEDIA_GONE")


def test_a_snapshot_takes_boxes_as_yes_or_no(viewer: Client, door: Camera):
    response = viewer.get(f"/api/events/{factories.event(door).pk}/snapshot?boxes=all")
    assert (response.status_code, list(response.json()["errors"])) == (400, ["boxes"])


def test_an_event_has_its_tracks_on_its_own_page(viewer: Client, door: Camera):
    event = factories.event(door)
    factories.track(
        event, zones=[{"zone": "step", "seconds": 4, "entered_at": "2026-03-01T12:00:02Z", "left_at": None}]
    )
    factories.track(event)
    first, second = viewer.get(f"/api/events/{event.pk}").json()["tracks"]
    assert (first["number"], second["number"]) == (1, 2)
    assert (first["label"], first["seconds"], first["entry"], first["exit"]) == ("person", 10, "left", "centre")
    assert first["path"][1] == {"seconds": 5, "x": 0.3, "y": 0.8}
    assert first["zones"] == [{"zone": "step", "seconds": 4, "entered_at": "2026-03-01T12:00:02Z", "left_at": None}]
