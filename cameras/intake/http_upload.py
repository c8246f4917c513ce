"""Accept a file that came over HTTP: place it in its camera's folder, then treat it like any other file.

Order of writes: a temporary name, fsync, the final name, the row. A crash before the row leaves a file as a camera
would leave it, and the next scan finds it. The watcher may also be faster than this code.
"""

from __future__ import annotations

import contextlib
import re
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from cameras.files import disk_guard
from cameras.files.disk_guard import StorageFullError, storage_error
from cameras.files.paths import is_temporary
from cameras.files.tree import ReplacedError, Tree
from cameras.files.writer import PartialFile, make_folder
from cameras.intake.accept import IntakeResult, accept_file
from cameras.intake.capture_time import MAX_FUTURE, MAX_PAST
from cameras.intake.upload_handlers import require_size
from cameras.models import Camera, Upload, version_key
from cameras.naming import http_paths
from hsi import failpoints
from hsi.disk_space import Floor, missing_bytes
from hsi.errors import ConflictError, HSIError
from hsi.logs import context

MAX_STEM = 100
UNSAFE = re.compile(r"[^A-Za-z0-9._\[\]()+@=-]+")


class CameraPausedError(ConflictError):
    """The camera is paused and accepts no files."""

    code = "CAMERA_PAUSED"


class UploadRejectedError(HSIError):
    """The file cannot be used. It is in quarantine, and its upload has the reason."""

    code = "UPLOAD_REJECTED"
    status = 422
    retryable = False


class UnsupportedFileError(HSIError):
    """Files of this type are not supported."""

    code = "UPLOAD_REJECTED"
    status = 422
    retryable = False


ERRORS = {IntakeResult.NOT_OURS: CameraPausedError, IntakeResult.UNSUPPORTED: UnsupportedFileError}


def require_room(camera: Camera, body_bytes: int) -> None:
    """Raise an error if the camera is paused, the body is too large, or a disk is nearly full."""
    if not camera.enabled:
        raise CameraPausedError
    require_size(body_bytes)
    folders = [*disk_guard.data_folders(), settings.CAMERA_ROOT]
    if missing_bytes(folders, Floor.configured()):
        raise StorageFullError


def receive(
    tree: Tree, camera: Camera, partial: PartialFile | None, name: str, captured_at: datetime | None
) -> tuple[Upload, bool]:
    """Place and accept a file. Return (its upload, True), or (the original, False) for a duplicate.

    `name` must be safe. Raise `UploadRejectedError`; or `BusyError` or `DatabaseError` if the file cannot be accepted
    now. If it is in its place by then, the watcher tries again.
    """
    assert partial is not None  # noqa: S101 (a form without a file has no name)
    started_at = timezone.now()
    try:
        key = _place_and_accept(tree, camera, partial, name, captured_at)
    except OSError as error:
        raise storage_error(error) from error
    return uploaded_result(camera, key, started_at)


def _place_and_accept(tree: Tree, camera: Camera, partial: PartialFile, name: str, captured_at: datetime | None) -> str:
    """Place the file under a unique path and accept it. Return its version key."""
    day, has_client_time = f"{timezone.now():%Y%m%d}", captured_at is not None
    folder = http_paths.new_folder(camera.folder, day, context.trace(), has_client_time=has_client_time)
    if captured_at is not None:
        name = name_with_time(name, captured_at, camera)
    make_folder(tree, folder)
    path = f"{folder}/{name}"
    size, mtime_ns = partial.place(path)
    failpoints.reach("http-placed")
    result = None
    with contextlib.suppress(FileNotFoundError):  # the watcher was faster, and has moved it to the quarantine
        result = accept_file(tree, path, final=True)
    if result in ERRORS:
        tree.remove(path)
        raise ERRORS[result]
    return version_key(path, size, mtime_ns)


def uploaded_result(camera: Camera, key: str, since: datetime) -> tuple[Upload, bool]:
    """Return the result for this version of a file. Another process may have accepted it. See `receive`."""
    upload = Upload.objects.select_related("duplicate_of").filter(camera=camera, version_key=key).first()
    if upload is None:
        raise ReplacedError
    if upload.state == Upload.State.REJECTED:
        raise UploadRejectedError(f"{upload.reason} (upload {upload.pk})")
    if upload.state == Upload.State.DUPLICATE and upload.duplicate_of is not None:
        return upload.duplicate_of, False
    return upload, upload.received_at >= since  # an older upload is one whose file was gone


def safe_name(client_name: str) -> str | None:
    """Return the client's file name in a form that is safe on disks, pages and in logs. None: nothing is left."""
    last = client_name.replace("\\", "/").rpartition("/")[2]
    stem, dot, extension = UNSAFE.sub("_", last).lstrip(".").rpartition(".")
    name = f"{stem[-MAX_STEM:]}{dot}{extension[:8]}"
    return None if not stem or is_temporary(name) else name


def name_with_time(name: str, captured_at: datetime, camera: Camera) -> str:
    """Add the time to `name` in a form that intake reads, also after a crash. By the camera's clock, in seconds."""
    stem, _, extension = name.rpartition(".")
    # Intake recognises times by their underscores, so the client's own name must not have any.
    return f"{stem.replace('_', '-')}_00_{captured_at.astimezone(camera.zone):%Y%m%d%H%M%S}.{extension}"


def is_believable(captured_at: datetime, now: datetime) -> bool:
    """Return whether intake believes this time. Otherwise it would use the arrival time."""
    return -MAX_PAST < captured_at - now < MAX_FUTURE - timedelta(seconds=1)
