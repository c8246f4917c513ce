"""Record and publish that a camera is frozen, black, covered, blurred or turned, or fine again."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db import transaction

from cameras.models import Camera
from cameras.serializers import CameraStatus, camera_status_data
from hsi.outbox.messages import CameraId, Message
from hsi.times import iso

logger = logging.getLogger(__name__)


def record_view(camera_id: str, view: Camera.View, since: datetime) -> Message:
    """Record what a camera shows since then. Return the message to publish at the end of the transaction."""
    camera: Any = Camera.objects.with_last_upload().get(pk=camera_id)
    before = camera.get_view_display()
    camera.set_view(view, since)
    level = logging.INFO if view is Camera.View.OK else logging.WARNING
    text = f"The view of camera {camera_id} is {view.label} since {iso(since)}. Before, it was {before}"
    transaction.on_commit(lambda: logger.log(level, "%s", text))
    data = camera_status_data(
        camera_id, status_of(camera), camera.last_upload_id, camera.last_captured_at, None, view=(view, since)
    )
    return Message("camera.status", CameraId(camera_id), data)


def status_of(camera: Camera) -> CameraStatus:
    if not camera.enabled:
        return "paused"
    return "offline" if camera.offline_since else "online"
