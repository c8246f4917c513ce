"""The JSON of cameras, zones and uploads in the API and in messages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, TypedDict

from django.utils import timezone

from cameras.clock_offset import ClockSuggestion, suggest_settings
from cameras.models import Camera, IntakeProblem, Upload, Zone
from hsi.http.url_prefix import link
from hsi.times import iso

ProblemsByFolder = dict[str, list[str]]
CameraStatus = Literal["online", "offline", "paused", "unknown"]
View = Literal["ok", "frozen", "black", "covered", "blurred", "turned"]


class CameraData(TypedDict):
    """A camera. Times are ISO 8601 in UTC; `snapshot_url` is null before its first usable picture.

    `offline_since` is null unless the camera is offline: then it is the time of its last file. `view` says what is
    wrong with its pictures, and `view_since` when that last changed (null: never). `clock_offset_seconds`
    is by how much its clock is steadily ahead (negative: behind), or null if it is right. `clock_suggestion` is what
    to send to correct that, or null. `labels`, `thresholds`, `min_sizes` and `max_sizes` say what counts here, and are
    empty where the site's values apply. `problems` are texts that say why files in its folder are not accepted.
    """

    id: str
    name: str
    enabled: bool
    time_zone: str
    clock_correction_seconds: int
    clock_offset_seconds: int | None
    clock_suggestion: ClockSuggestion | None
    channel_pattern: str
    vendor: str
    place: Literal["", "street", "entrance", "driveway", "private", "indoor"]
    labels: list[str]
    thresholds: dict[str, float]
    min_sizes: dict[str, float]
    max_sizes: dict[str, float]
    expected_interval_seconds: int | None
    offline_since: str | None
    view: View
    view_since: str | None
    created_at: str
    last_captured_at: str | None
    snapshot_url: str | None
    problems: list[str]


class ZoneData(TypedDict):
    """An area of a camera's picture. `polygon` lists its corners as [x, y], relative to the picture.

    Objects that stand in a zone of the kind `ignore` do not count, if `labels` is empty or lists them. `version`
    increases with every change.
    """

    id: str
    camera: str
    name: str
    polygon: list[list[float]]
    kind: Literal["", "street", "entrance", "driveway", "private", "ignore"]
    labels: list[str]
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
    """A camera has sent a picture (`online`), or has sent nothing for too long (`offline`).

    `paused` and `unknown`: the camera was offline, and is no longer expected to send anything. `offline_since` is null
    unless the message is about the beginning or the end of an offline time. `view` and `view_since` are null unless
    the message is about a change of what the camera shows.
    """

    camera: str
    status: CameraStatus
    last_upload: int | None
    last_captured_at: str | None
    snapshot_url: str | None
    offline_since: str | None
    view: View | None
    view_since: str | None


def camera_data(camera: Camera, problems: ProblemsByFolder | None = None) -> CameraData:
    """Serialize a camera of `Camera.objects.with_last_upload()`. Pass `problems` when there are several cameras."""
    problems = problems_by_folder([camera]) if problems is None else problems
    last_captured_at: datetime | None = getattr(camera, "last_captured_at", None)
    return {
        "id": camera.pk,
        "name": camera.name,
        "enabled": camera.enabled,
        "time_zone": camera.zone.key,
        "clock_correction_seconds": camera.clock_correction_seconds,
        "clock_offset_seconds": camera.clock_offset_seconds,
        "clock_suggestion": suggest_settings(camera, timezone.now()),
        "channel_pattern": camera.channel_pattern,
        "vendor": camera.vendor,
        "place": camera.place,  # type: ignore[typeddict-item]  # the column takes no other
        "labels": camera.labels,
        "thresholds": camera.thresholds,
        "min_sizes": camera.min_sizes,
        "max_sizes": camera.max_sizes,
        "expected_interval_seconds": camera.expected_interval_seconds,
        "offline_since": iso(camera.offline_since),
        "view": camera.view,  # type: ignore[typeddict-item]  # the column takes no other
        "view_since": iso(camera.view_since),
        "created_at": iso(camera.created_at),
        "last_captured_at": iso(last_captured_at),
        "snapshot_url": link(f"/api/cameras/{camera.pk}/snapshot") if last_captured_at else None,
        "problems": problems.get(camera.root_folder, []),
    }


def problems_by_folder(cameras: Iterable[Camera]) -> ProblemsByFolder:
    """Return the texts of the intake problems of all `cameras` with one query."""
    texts: ProblemsByFolder = {}
    for problem in IntakeProblem.objects.filter(folder__in={camera.root_folder for camera in cameras}):
        texts.setdefault(problem.folder, []).append(problem.summary)
    return texts


def zone_data(zone: Zone) -> ZoneData:
    return {
        "id": zone.pk,
        "camera": zone.camera_id,
        "name": zone.name,
        "polygon": zone.polygon,
        "kind": zone.kind,  # type: ignore[typeddict-item]  # the column takes no other
        "labels": zone.labels,
        "enabled": zone.enabled,
        "version": zone.version,
        "created_at": iso(zone.created_at),
    }


def upload_data(upload: Upload) -> UploadData:
    """Serialize an upload, with the addresses of its pictures."""
    return {
        "id": upload.pk,
        "camera": upload.camera_id,
        "path": upload.path,
        "kind": upload.kind,  # type: ignore[typeddict-item]  # the column allows no other value
        "size": upload.size,
        "sha256": upload.sha256,
        "captured_at": iso(upload.captured_at),
        "captured_at_source": upload.captured_at_source,  # type: ignore[typeddict-item]  # likewise
        "received_at": iso(upload.received_at),
        "state": upload.state,  # type: ignore[typeddict-item]  # likewise
        "reason": upload.reason,
        "attempts": upload.attempts,
        "file_url": link(f"/api/uploads/{upload.pk}/file"),
        "thumbnail_url": link(f"/api/uploads/{upload.pk}/thumbnail"),
    }


def camera_status_data(
    camera_id: str,
    status: CameraStatus,
    last_upload_id: int | None,
    last_captured_at: datetime | None,
    offline_since: datetime | None,
    view: tuple[Camera.View, datetime] | None = None,
) -> CameraStatusData:
    """Return the data of a `camera.status` message. `view`: what the camera now shows, since when."""
    return {
        "camera": camera_id,
        "status": status,
        "last_upload": last_upload_id,
        "last_captured_at": iso(last_captured_at),
        "snapshot_url": link(f"/api/cameras/{camera_id}/snapshot") if last_upload_id else None,
        "offline_since": iso(offline_since),
        "view": view[0].value if view else None,  # type: ignore[typeddict-item]  # one of them
        "view_since": iso(view[1]) if view else None,
    }


def online_status_data(upload: Upload, offline_since: datetime | None = None) -> CameraStatusData:
    """Return the data of a `camera.status` message for a new upload. `offline_since`: the camera was offline before."""
    return camera_status_data(upload.camera_id, "online", upload.pk, upload.captured_at, offline_since)
