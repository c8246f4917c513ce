"""What other cameras saw near in time, for a reader of some of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from cameras.models import Camera, CameraGrant
from events import nearby
from events.models import Event
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def event() -> Event:
    """From `NOW` to 10 seconds later."""
    return factories.event(factories.camera("door"))


@pytest.fixture
def reader(event: Event) -> User:
    return factories.user(sees=event.camera)


def saw(camera: Camera, label: str, *seconds: float) -> None:
    for second in seconds:
        at = factories.NOW + timedelta(seconds=second)
        factories.detection(factories.upload(camera, captured_at=at), label=label)


def listed(event: Event, reader: User) -> list[tuple[str, str, int, float]]:
    found = nearby.nearby(event, reader)
    return [(one["camera"], one["label"], one["count"], one["seconds_apart"]) for one in found]


def test_the_nearest_comes_first_and_a_label_of_a_camera_once(event: Event):
    boss = factories.admin()
    garden, street = factories.camera("garden", name="The garden"), factories.camera("street")
    saw(garden, "dog", -100, 30)
    saw(street, "car", -20, -10, 5)
    saw(street, "dog", 4)
    saw(event.camera, "cat", 1)
    assert listed(event, boss) == [("street", "dog", 1, 4), ("street", "car", 3, -20), ("garden", "dog", 2, -100)]
    assert nearby.nearby(event, boss)[2]["camera_name"] == "The garden"


def test_near_is_two_minutes_before_the_beginning_to_two_after_the_end(event: Event):
    garden = factories.camera("garden")
    for label, second in (("early", -121), ("first", -120), ("last", 130), ("late", 131)):
        saw(garden, label, second)
    assert {label for _, label, _, _ in listed(event, factories.admin())} == {"first", "last"}


def test_a_reader_is_told_of_granted_cameras_alone(event: Event, reader: User):
    garden, street = factories.camera("garden"), factories.camera("street")
    saw(garden, "dog", 3)
    saw(street, "car", 2)
    assert listed(event, reader) == []
    CameraGrant.objects.create(camera=garden, user=reader)
    assert listed(event, reader) == [("garden", "dog", 1, 3)]
    User.objects.filter(pk=reader.pk).update(is_active=False)
    assert listed(event, User.objects.get(pk=reader.pk)) == []


def test_the_list_is_bounded_and_one_query(
    event: Event, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
):
    boss = factories.admin()
    for number in range(4):
        saw(factories.camera(), "dog", number)
    with django_assert_num_queries(1):
        assert len(nearby.nearby(event, boss)) == 4
    monkeypatch.setattr(nearby, "MOST_SHOWN", 2)
    assert [one["seconds_apart"] for one in nearby.nearby(event, boss)] == [0, 1]
    monkeypatch.setattr(nearby, "MOST_READ", 1)
    assert len(nearby.nearby(event, boss)) == 1


def test_the_api_shows_it_as_a_list_of_one_page(event: Event, reader: User, client: Client):
    client.force_login(reader)
    address = f"/api/events/{event.pk}/nearby"
    garden = factories.camera("garden", name="The garden")
    CameraGrant.objects.create(camera=garden, user=reader)
    saw(garden, "dog", -2.5)
    item = {"camera": "garden", "camera_name": "The garden", "label": "dog", "count": 1, "seconds_apart": -2.5}
    assert client.get(address).json() == {"items": [item], "next_cursor": None, "has_more": False}
    assert client.get(f"{address}?limit=3").status_code == 400
    Event.objects.update(deleted_at=factories.NOW)
    unseen = factories.event(factories.camera("shed"))
    answers = [client.get(path) for path in (address, f"/api/events/{unseen.pk}/nearby", "/api/events/999999/nearby")]
    assert [answer.status_code for answer in answers] == [404] * 3
