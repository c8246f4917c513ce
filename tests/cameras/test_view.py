from __future__ import annotations

import logging

import pytest
from django.db import transaction

from cameras.models import Camera
from cameras.view import record_view
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("values", "status"),
    [({}, "online"), ({"offline_since": factories.NOW}, "offline"), ({"enabled": False}, "paused")],
)
def test_the_message_has_what_the_camera_shows_and_its_status(values: dict[str, object], status: str):
    camera = factories.camera("door", **values)
    upload = factories.upload(camera)
    with transaction.atomic():
        message = record_view("door", Camera.View.TURNED, factories.NOW)
    camera.refresh_from_db()
    assert (camera.view, camera.view_since) == ("turned", factories.NOW)
    assert (message.type, message.camera) == ("camera.status", "door")
    assert message.data["status"] == status
    assert (message.data["view"], message.data["last_upload"]) == ("turned", upload.pk)
    assert message.data["view_since"] == message.data["last_captured_at"]
    assert message.data["offline_since"] is None


def test_a_change_is_logged_after_the_commit(caplog: pytest.LogCaptureFixture):
    factories.camera("door")
    caplog.set_level(logging.INFO)
    with transaction.atomic():
        record_view("door", Camera.View.BLACK, factories.NOW)
        assert caplog.messages == []
    with transaction.atomic():
        record_view("door", Camera.View.OK, factories.NOW)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "black" in caplog.messages[0]
    assert caplog.messages[1].endswith("Before, it was black")
