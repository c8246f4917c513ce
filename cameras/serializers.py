"""Cameras and uploads as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cameras.models import Camera, Upload
from hsi.times import iso


def camera_data(camera: Camera) -> dict[str, Any]:
    """A camera of `Camera.objects.with_last_upload()`. `snapshot_url` is null before its first usable picture."""
    last_captured_at: datetime | None = getattr(camera, "last_captured_at", None)
    return {
        "id": camera.pk,
        "name": camera.name,
        "enabled": camera.enabled,
        "time_zone": camera.zone.key,
        "created_at": iso(camera.created_at),
        "last_captured_at": iso(last_captured_at),
        "snapshot_url": f"/api/cameras/{camera.pk}/snapshot" if last_captured_at else None,
    }


def upload_data(upload: Upload) -> dict[str, Any]:
    """The upload of contracts.md, and where its pictures are."""
    return {
        "id": upload.pk,
        "camera": upload.camera_id,
        "path": upload.path,
        "kind": upload.kind,
        "size": upload.size,
        "sha256": upload.sha256,
        "captured_at": iso(upload.captured_at),
        "captured_at_source": upload.captured_at_source,
        "received_at": iso(upload.received_at),
        "state": upload.state,
        "reason": upload.reason,
        "attempts": upload.attempts,
        "file_url": f"/api/uploads/{upload.pk}/file",
        "thumbnail_url": f"/api/uploads/{upload.pk}/thumbnail",
    }
