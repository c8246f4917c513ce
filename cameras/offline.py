"""Offline detection: publish once when a camera sends nothing for too long, and once when it is back.

The time since the last upload is measured with the monotonic clock, from the moment this process saw that upload. The
wall clock is used only at the start, with some minutes of grace: files that came meanwhile must be accepted first.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Max

from cameras.files import disk_guard
from cameras.models import Camera, Upload
from cameras.serializers import CameraStatus, camera_status_data
from hsi.db import clock
from hsi.models import WorkerHeartbeat
from hsi.outbox import publish as outbox
from hsi.outbox.messages import CameraId, Message
from hsi.workers import heartbeat

logger = logging.getLogger(__name__)

GRACE_SECONDS = 300.0
ID_OVERLAP = 1_000  # an id may be committed after a higher one, so this many ids are read again
WATCHER = "watcher"  # the name of the intake loop


@dataclass(frozen=True, slots=True)
class LastUpload:
    """The newest upload of a camera (id 0: none), and when it came, on the monotonic clock."""

    upload_id: int
    seen_at: float


@dataclass(slots=True)
class OfflineMonitor:
    """Checks all cameras every few seconds. One process is enough; several do no harm."""

    _last_uploads: dict[str, LastUpload] = field(default_factory=dict)
    _newest_id: int = 0

    def check(self, now: float) -> None:
        """Publish the cameras that went offline or came back. `now` is a monotonic time in seconds."""
        if intake_is_stopped():
            self._last_uploads.clear()  # without intake there is no sign that a camera is offline
            return
        self._read_new_uploads(now)
        for camera in Camera.objects.expecting_uploads() | Camera.objects.offline():
            if camera.enabled and camera.expected_interval_seconds:
                self._check_camera(camera, camera.expected_interval_seconds, now)
            else:
                self._last_uploads.pop(camera.pk, None)
                clear_offline(camera)

    def _read_new_uploads(self, now: float) -> None:
        if not self._newest_id:
            self._newest_id = Upload.objects.aggregate(newest=Max("pk"))["newest"] or 0
        recent = Upload.objects.filter(pk__gt=self._newest_id - ID_OVERLAP).order_by().values_list("camera")
        for camera_id, upload_id in recent.annotate(newest=Max("pk")):
            self._newest_id = max(self._newest_id, upload_id)
            if camera_id in self._last_uploads and upload_id > self._last_uploads[camera_id].upload_id:
                self._last_uploads[camera_id] = LastUpload(upload_id, now)

    def _check_camera(self, camera: Camera, interval: int, now: float) -> None:
        if camera.pk not in self._last_uploads:
            self._last_uploads[camera.pk] = read_last_upload(camera, interval, now)
        last = self._last_uploads[camera.pk]
        if now - last.seen_at >= interval:
            mark_offline(camera, last.upload_id)
        else:
            mark_online(camera)


def intake_is_stopped() -> bool:
    """Return whether no files are accepted: no watcher runs, or the disk is nearly full."""
    since = clock.now() - heartbeat.SILENT_AFTER
    running = WorkerHeartbeat.objects.filter(kind=WATCHER, state=WorkerHeartbeat.State.RUNNING, beat_at__gte=since)
    return disk_guard.is_disk_low() or not running.exists()


def read_last_upload(camera: Camera, interval: int, now: float) -> LastUpload:
    """Read from the database when a camera sent its last file, for a camera that is new to this process."""
    newest = Upload.objects.filter(camera=camera).order_by("-pk").values_list("pk", "received_at").first()
    upload_id, received_at = newest or (0, camera.created_at)
    if camera.offline_since is not None and received_at <= camera.offline_since:
        return LastUpload(upload_id, now - interval)  # it was offline before this process started, and still is
    age_seconds = (clock.now() - received_at).total_seconds()
    return LastUpload(upload_id, now - max(0.0, min(age_seconds, interval - GRACE_SECONDS)))


def mark_offline(camera: Camera, last_upload_id: int) -> None:
    """Record and publish that a camera is offline, unless it is recorded already or a newer upload exists."""
    received_at = Upload.objects.filter(pk=last_upload_id).values_list("received_at", flat=True).first()
    with transaction.atomic():
        if not camera.mark_offline(received_at or camera.created_at, last_upload_id):
            return
        publish_status(camera, "offline", camera.offline_since)
    logger.warning("Camera %s has sent nothing since %s", camera.pk, camera.offline_since)


def mark_online(camera: Camera) -> None:
    """Record and publish that a camera is back. Intake itself does so for usable files that it accepts."""
    since = camera.offline_since
    with transaction.atomic():
        if not camera.mark_online():
            return
        publish_status(camera, "online", since)
    logger.info("Camera %s is back. It had sent nothing since %s", camera.pk, since)


def clear_offline(camera: Camera) -> None:
    """Record and publish that a camera was paused, or is no longer expected to upload."""
    since = camera.offline_since
    with transaction.atomic():
        if camera.mark_online():
            publish_status(camera, "unknown" if camera.enabled else "paused", since)


def publish_status(camera: Camera, status: CameraStatus, offline_since: Any) -> None:
    """Publish a `camera.status` message. It must be the last write of its transaction."""
    latest: Any = Camera.objects.with_last_upload().get(pk=camera.pk)
    data = camera_status_data(camera.pk, status, latest.last_upload_id, latest.last_captured_at, offline_since)
    outbox.publish(Message("camera.status", CameraId(camera.pk), data))
