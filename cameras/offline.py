"""A camera that is silent for longer than it should be: told once when it falls silent, and once when it is back.

How long it has been silent is measured by a clock that nobody sets, from when this process heard of its newest upload.
The wall clock is asked only at the start, and then gets some minutes: what came meanwhile must have time to be taken
in.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Literal

from django.db import transaction
from django.db.models import Max, Q

from cameras.files import disk_guard
from cameras.models import Camera, Upload
from cameras.serializers import CameraStatusData
from hsi.db import clock
from hsi.http.url_prefix import link
from hsi.models import WorkerHeartbeat
from hsi.outbox import publish as stream
from hsi.outbox.messages import Message
from hsi.times import iso
from hsi.workers import heartbeat

logger = logging.getLogger(__name__)

GRACE_SECONDS = 300.0
OVERLAP = 1_000  # an id may be committed after a higher one: so many are looked at again
Status = Literal["online", "offline", "paused", "unknown"]
WATCHER = "watcher"  # the kind of the loop that takes files in


@dataclass(frozen=True, slots=True)
class Heard:
    """The newest upload of a camera (0: none ever), and when it came, by the monotonic clock."""

    upload: int
    at: float


@dataclass(slots=True)
class Listener:
    """Looks every few seconds; one process at a time is enough, and several do no harm."""

    _heard: dict[str, Heard] = field(default_factory=dict)
    _newest: int = 0

    def look(self, now: float) -> None:
        """`now` is a monotonic time in seconds."""
        if is_deaf():
            self._heard.clear()  # whoever was not listened to is not silent
            return
        self._listen(now)
        for camera in Camera.objects.filter(Q(enabled=True, expected_interval_seconds__gt=0) | ~Q(silent_since=None)):
            if camera.enabled and camera.expected_interval_seconds:
                self._judge(camera, camera.expected_interval_seconds, now)
            else:
                self._heard.pop(camera.pk, None)
                tell_unexpected(camera)

    def _listen(self, now: float) -> None:
        if not self._newest:
            self._newest = Upload.objects.aggregate(newest=Max("pk"))["newest"] or 0
        fresh = Upload.objects.filter(pk__gt=self._newest - OVERLAP).order_by().values_list("camera")
        for camera, upload in fresh.annotate(newest=Max("pk")):
            self._newest = max(self._newest, upload)
            if camera in self._heard and upload > self._heard[camera].upload:
                self._heard[camera] = Heard(upload, now)

    def _judge(self, camera: Camera, interval: int, now: float) -> None:
        if camera.pk not in self._heard:
            self._heard[camera.pk] = first_heard(camera, interval, now)
        heard = self._heard[camera.pk]
        if now - heard.at >= interval:
            tell_silent(camera, heard.upload)
        else:
            tell_back(camera)


def is_deaf() -> bool:
    """Whether nobody takes files in: no watcher lives, or intake pauses for want of room."""
    since = clock.now() - heartbeat.SILENT_AFTER
    living = WorkerHeartbeat.objects.filter(kind=WATCHER, state=WorkerHeartbeat.State.RUNNING, beat_at__gte=since)
    return disk_guard.is_short() or not living.exists()


def first_heard(camera: Camera, interval: int, now: float) -> Heard:
    """What the rows tell of a camera that this process has not listened to yet."""
    newest = Upload.objects.filter(camera=camera).order_by("-pk").values_list("pk", "received_at").first()
    upload, received_at = newest or (0, camera.created_at)
    if camera.silent_since is not None and received_at <= camera.silent_since:
        return Heard(upload, now - interval)  # it was silent before we came, and still is
    silent = (clock.now() - received_at).total_seconds()
    return Heard(upload, now - max(0.0, min(silent, interval - GRACE_SECONDS)))


def tell_silent(camera: Camera, last_upload: int) -> None:
    received_at = Upload.objects.filter(pk=last_upload).values_list("received_at", flat=True).first()
    with transaction.atomic():
        if not camera.fell_silent(received_at or camera.created_at, last_upload):
            return
        publish(camera, "offline", iso(camera.silent_since))
    logger.warning("Camera %s has sent nothing since %s", camera.pk, camera.silent_since)


def tell_back(camera: Camera) -> None:
    """It sent something that was no usable picture, or while it was being noted: intake tells of all else."""
    since = iso(camera.silent_since)
    with transaction.atomic():
        if not camera.spoke():
            return
        publish(camera, "online", since)
    logger.info("Camera %s is back: it had sent nothing since %s", camera.pk, since)


def tell_unexpected(camera: Camera) -> None:
    """Nobody expects anything of it any more: it was paused, or may be silent for as long as it likes."""
    since = iso(camera.silent_since)
    with transaction.atomic():
        if camera.spoke():
            publish(camera, "unknown" if camera.enabled else "paused", since)


def publish(camera: Camera, status: Status, silent_since: str | None) -> None:
    """A `camera.status` message; the last write of its transaction."""
    seen: Any = Camera.objects.with_last_upload().get(pk=camera.pk)
    data: CameraStatusData = {
        "camera": camera.pk,
        "status": status,
        "last_upload": seen.last_upload_id,
        "last_captured_at": iso(seen.last_captured_at),
        "snapshot_url": link(f"/api/cameras/{camera.pk}/snapshot") if seen.last_upload_id else None,
        "silent_since": silent_since,
    }
    stream.publish(Message("camera.status", camera.pk, data))
