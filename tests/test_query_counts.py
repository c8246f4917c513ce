from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cameras.models import Camera
from events.models import Event
from hsi import audit
from tests import factories

pytestmark = pytest.mark.django_db

LISTS = (
    "cameras",
    "cameras/door/zones",
    "cameras/door/static-objects",
    "uploads",
    "detections",
    "events",
    "events/trash",
    "alerts",
    "alert-rules",
    "notification-channels",
    "deliveries",
    "tokens",
    "dead-letters",
    "audit",
)


@pytest.fixture
def boss(client: Client, data_dir: Path, webhooks_to_here: None) -> Client:
    client.force_login(factories.admin())
    return client


def grow(door: Camera, client: Client, count: int) -> None:
    """One more of everything that the lists show, `count` times."""
    for number in range(count):
        upload = factories.upload(door)
        event = factories.event(door)
        factories.detection(upload, event.batches.get())
        Event.objects.filter(pk=factories.event(factories.camera()).pk).update(deleted_at=factories.NOW)
        factories.zone(door)
        factories.static_object(door)
        factories.dead_letter(upload)
        channel = factories.channel()
        factories.delivery(factories.alert(event, rule=factories.rule(channel)), channel)
        audit.record("camera_changed", f"camera {number}")
        body = {"name": f"{number}", "scopes": ["read"]}
        assert client.post("/api/tokens", body, content_type="application/json").status_code == 201


@pytest.mark.parametrize("path", LISTS)
def test_a_list_asks_as_often_for_twenty_as_for_two(boss: Client, path: str):
    door = factories.camera("door")
    asked, shown = [], []
    for more in (2, 18):
        grow(door, boss, more)
        boss.get(f"/api/{path}")  # what is asked for once a process is not the list's
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = boss.get(f"/api/{path}")
        asked.append(len(queries))
        shown.append(len(answer.json()["items"]))
    assert asked[0] == asked[1]
    assert shown[0] < shown[1]
