"""Cameras and uploads as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, TypedDict

from django.utils import timezone

from cameras.intake import capture_time
from cameras.models import Camera, IntakeProblem, Upload, Zone
from hsi.http.url_prefix import link
from hsi.times import iso

Problems = dict[str, list[str]]


class CameraData(TypedDict):
    """A camera. Times are ISO 8601 in UTC; `snapshot_url` is null before its first usable picture.

    `silent_since` is null unless the camera has been silent for longer than expected. `clock_offset_seconds`: by how
    much its clock is steadily ahead (below zero: behind), null where it is right; `clock_suggestion` is then what to
    send to change that, or null. `problems` says in words what keeps files in its folder from being taken in.
    """

    id: str
    name: str
    enabled: bool
    time_zone: str
    clock_correction_seconds: int
    clock_offset_seconds: int | None
    clock_suggestion: capture_time.Suggestion | None
    channel_pattern: str
    make: str
    expected_interval_seconds: int | None
    silent_since: str | None
    created_at: str
    last_captured_at: str | None
    snapshot_url: str | None
    problems: list[str]


class ZoneData(TypedDict):
    """An area of a camera's picture. `polygon` holds its corners as [x, y], relative to the picture.

    `version` counts its changes.
    """

    id: str
    camera: str
    name: str
    polygon: list[list[float]]
    kind: str
    enabled: bool
    version: int
    created_at: str


class UploadData(TypedDict):
    """One version of one file that a camera uploaded. `path` is below the camera root, `size` in bytes."""

    id: int
    camera: str
    path: str
    kind: Literal["image", "video"]
    size: int
    sha256: str
    captured_at: str
    captured_at_source: Literal["name", "exif", "mtime", "arrival"]
    received_at: str
    state: Literal["waiting", "detected", "empty", "duplicate", "rejected", "dead"]
    reason: str
    attempts: int
    file_url: str
    thumbnail_url: str


class CameraStatusData(TypedDict):
    """A camera has sent a picture (`online`), or is silent for longer than it should be (`offline`).

    `paused` and `unknown`: of one that was silent nothing is expected any more. `silent_since` is null, save for the
    messages about a silence: its beginning and its end.
    """

    camera: str
    status: Literal["online", "offline", "paused", "unknown"]
    last_upload: int | None
    last_captured_at: str | None
    snapshot_url: str | None
    silent_since: str | None


def camera_data(camera: Camera, problems: Problems | None = None) -> CameraData:
    """A camera of `Camera.objects.with_last_upload()`. `snapshot_url` is null before its first usable picture."""
    problems = problems_of([camera]) if problems is None else problems
    last_captured_at: datetime | None = getattr(camera, "last_captured_at", None)
    return {
        "id": camera.pk,
        "name": camera.name,
        "enabled": camera.enabled,
        "time_zone": camera.zone.key,
        "clock_correction_seconds": camera.clock_correction_seconds,
        "clock_offset_seconds": camera.clock_offset_seconds,
        "clock_suggestion": capture_time.suggestion(camera, timezone.now()),
        "channel_pattern": camera.channel_pattern,
        "make": camera.make,
        "expected_interval_seconds": camera.expected_interval_seconds,
        "silent_since": iso(camera.silent_since),
        "created_at": iso(camera.created_at),
        "last_captured_at": iso(last_captured_at),
        "snapshot_url": link(f"/api/cameras/{camera.pk}/snapshot") if last_captured_at else None,
        "problems": problems.get(camera.root_folder, []),
    }


def problems_of(cameras: Iterable[Camera]) -> Problems:
    """What keeps files from being taken in, in words, by folder; by one query for all cameras."""
    found: Problems = {}
    for problem in IntakeProblem.objects.filter(folder__in={camera.root_folder for camera in cameras}):
        found.setdefault(problem.folder, []).append(problem.words)
    return found


def zone_data(zone: Zone) -> ZoneData:
    return {
        "id": zone.pk,
        "camera": zone.camera_id,
        "name": zone.name,
        "polygon": zone.polygon,
        "kind": zone.kind,
        "enabled": zone.enabled,
        "version": zone.version,
        "created_at": iso(zone.created_at),
    }


def upload_data(upload: Upload) -> UploadData:
    """The upload of contracts.md, and where its pictures are."""
    return {
        "id": upload.pk,
        "camera": upload.camera_id,
        "path": upload.path,
        "kind": upload.kind,  # type: ignore[typeddict-item]  # the column takes no other
        "size": upload.size,
        "sha256": upload.sha256,
        "captured_at": iso(upload.captured_at),
        "captured_at_source": upload.captured_at_source,  # type: ignore[typeddict-item]  # the same
        "received_at": iso(upload.received_at),
        "state": upload.state,  # type: ignore[typeddict-item]  # the same
        "reason": upload.reason,
        "attempts": upload.attempts,
        "file_url": link(f"/api/uploads/{upload.pk}/file"),
        "thumbnail_url": link(f"/api/uploads/{upload.pk}/thumbnail"),
    }


def camera_status(upload: Upload, silent_since: datetime | None = None) -> CameraStatusData:
    """Data of a `camera.status` message: the camera has sent a picture, the first one since it fell silent."""
    return {
        "camera": upload.camera_id,
        "status": "online",
        "last_upload": upload.pk,
        "last_captured_at": iso(upload.captured_at),
        "snapshot_url": link(f"/api/cameras/{upload.camera_id}/snapshot"),
        "silent_since": iso(silent_since),
    }
