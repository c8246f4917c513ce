"""The HTTP way in: a file is placed in its camera's folder, and goes through the same intake as any other.

Order of writes: a temporary name, the disk, its name, the row. A crash before the row leaves a file
as a camera would have left it, which the next scan finds; the watcher may also be quicker than we are.
"""

from __future__ import annotations

import contextlib
import re
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from cameras.files import disk_guard
from cameras.files.ignored_names import is_temporary
from cameras.files.tree import ReplacedError, Tree
from cameras.files.writer import Partial, make_folder
from cameras.intake import file_names, http_paths
from cameras.intake.accept import Outcome, take_in
from cameras.intake.upload_handlers import StorageFullError, away, require_size
from cameras.models import Camera, Upload, version_key
from hsi import failpoints
from hsi.disk_space import Floor, missing_bytes
from hsi.errors import ConflictError, HSIError
from hsi.logs import context

LONGEST_STEM = 100
UNSAFE = re.compile(r"[^A-Za-z0-9._\[\]()+@=-]+")


class CameraPausedError(ConflictError):
    """The camera is paused and accepts no files."""

    code = "CAMERA_PAUSED"


class UploadRejectedError(HSIError):
    """The file cannot be used. It is in quarantine, and its upload has the reason."""

    code = "UPLOAD_REJECTED"
    status = 422
    retryable = False


class UnknownKindError(HSIError):
    """Files of this type are not supported."""

    code = "UPLOAD_REJECTED"
    status = 422
    retryable = False


REFUSED = {Outcome.NOT_OURS: CameraPausedError, Outcome.NOT_UNDERSTOOD: UnknownKindError}


def require_room(camera: Camera, body_bytes: int) -> None:
    """Raise where nothing can be taken in: the camera is paused, a disk is nearly full, or the body too large."""
    if not camera.enabled:
        raise CameraPausedError
    require_size(body_bytes)
    places = [*disk_guard.folders(), settings.CAMERA_ROOT]
    if missing_bytes(places, Floor.configured()):
        raise StorageFullError


def receive(
    tree: Tree, camera: Camera, partial: Partial | None, name: str, captured_at: datetime | None
) -> tuple[Upload, bool]:
    """Place the file and take it in; its upload and True, or of a duplicate the original and False.

    `name` is a safe one. Raises `UploadRejectedError`; `BusyError` or DatabaseError where it cannot be
    taken in now: if it lies in its place by then, the watcher tries again.
    """
    assert partial is not None  # noqa: S101 (a form without a file has no name)
    began = timezone.now()
    try:
        key = _place(tree, camera, partial, name, captured_at)
    except OSError as error:
        raise away(error) from error
    return told(camera, key, began)


def _place(tree: Tree, camera: Camera, partial: Partial, name: str, captured_at: datetime | None) -> str:
    """Place the file under a path that no other has, and take it in; the key of its version."""
    day, is_told = f"{timezone.now():%Y%m%d}", captured_at is not None
    folder = http_paths.folder_for(camera.folder, day, context.trace(), told=is_told)
    if captured_at is not None:
        name = named_for(name, captured_at, camera)
    make_folder(tree, folder)
    path = f"{folder}/{name}"
    size, mtime_ns = partial.place(path)
    failpoints.reach("http-placed")
    outcome = None
    with contextlib.suppress(FileNotFoundError):  # the watcher was quicker, and has moved it to the quarantine
        outcome = take_in(tree, path, final=True)
    if outcome in REFUSED:
        tree.remove(path)
        raise REFUSED[outcome]
    return version_key(path, size, mtime_ns)


def told(camera: Camera, key: str, since: datetime) -> tuple[Upload, bool]:
    """What became of this version of a file that came `since` then, whoever took it in; see `receive`."""
    upload = Upload.objects.select_related("duplicate_of").filter(camera=camera, version_key=key).first()
    if upload is None:
        raise ReplacedError
    if upload.state == Upload.State.REJECTED:
        raise UploadRejectedError(f"{upload.reason} (upload {upload.pk})")
    if upload.state == Upload.State.DUPLICATE and upload.duplicate_of is not None:
        return upload.duplicate_of, False
    return upload, upload.received_at >= since  # else it is known, and was gone


def safe_name(given: str) -> str | None:
    """What the client calls the file, as a name that no disk, page or log stumbles over. None: there is none in it."""
    stem, dot, extension = UNSAFE.sub("_", given.replace("\\", "/").rpartition("/")[2]).lstrip(".").rpartition(".")
    name = f"{stem[-LONGEST_STEM:]}{dot}{extension[:8]}"
    return None if not stem or is_temporary(name) else name


def named_for(name: str, captured_at: datetime, camera: Camera) -> str:
    """`name` with the time in it, where intake reads it, also after a crash; by the camera's clock, in seconds."""
    stem, _, extension = name.rpartition(".")
    # Times are told by their underscores: without any, the camera's own name says no other time.
    return f"{stem.replace('_', '-')}_00_{captured_at.astimezone(camera.zone):%Y%m%d%H%M%S}.{extension}"


def is_believable(captured_at: datetime, now: datetime) -> bool:
    """Whether intake believes this time; any other it would replace by the time of arrival."""
    return -file_names.MAX_PAST < captured_at - now < file_names.MAX_FUTURE - timedelta(seconds=1)
