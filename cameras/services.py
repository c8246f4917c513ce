"""Create, change and delete cameras and zones, with their folders and audit entries.

The API and the admin pages call these functions.
"""

from __future__ import annotations

import errno
import hashlib
import logging
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from cameras.files.disk_guard import storage_error
from cameras.files.paths import OutsideTreeError
from cameras.files.tree import Tree
from cameras.files.writer import make_folder, remove_folder
from cameras.models import Camera, Zone
from hsi import audit
from hsi.errors import ConflictError
from hsi.logs.formatters import printable

logger = logging.getLogger(__name__)

MAX_ZONES = 64
# The measured clock offset depends on these columns.
CLOCK_COLUMNS = ("time_zone", "clock_correction_seconds")


class CameraExistsError(ConflictError):
    """The folder already belongs to a camera."""

    code = "CAMERA_EXISTS"


class ZoneExistsError(ConflictError):
    """The camera already has a zone with this name."""

    code = "ZONE_EXISTS"


class TooManyZonesError(ConflictError):
    """The camera has the maximum number of zones."""

    code = "TOO_MANY_ZONES"


class CameraHasFilesError(ConflictError):
    """The camera has files. Pause it, and delete it when retention has removed them."""

    code = "CAMERA_HAS_FILES"


class FolderUnusableError(ConflictError):
    """The camera folder contains a file with this name."""

    code = "FOLDER_UNUSABLE"


class ZoneChangedError(ConflictError):
    """Another user has changed or deleted this zone. Reload it."""

    code = "ZONE_CHANGED"


def create_camera(folder: str, **values: Any) -> Camera:
    """Create a camera and its folder. The folder may exist. Raise `CameraExistsError` or `FolderUnusableError`.

    A crash in between leaves an empty folder, which the next call uses.
    """
    if Camera.objects.filter(folder=folder).exists():
        raise CameraExistsError
    try:
        make_folder(Tree(settings.CAMERA_ROOT), folder)
    except OutsideTreeError as error:
        raise FolderUnusableError from error
    except OSError as error:
        raise storage_error(error) from error
    with transaction.atomic():
        camera = _insert_camera(folder, **values)
        audit.record("camera_created", f"camera {camera.pk}", after={"folder": folder, **values})
    return camera


def get_or_create_camera(folder: str, **values: Any) -> Camera:
    """Return the camera of a folder. Concurrent calls return the same camera."""
    try:
        return _insert_camera(folder, name=default_name(folder), **values)
    except CameraExistsError:
        return Camera.objects.get(folder=folder)


def update_camera(camera: Camera, values: dict[str, Any]) -> None:
    """Write the given columns of a camera. A changed clock setting discards the measured clock offset."""
    if any(getattr(camera, name) != values.get(name, getattr(camera, name)) for name in CLOCK_COLUMNS):
        values = {**values, "clock_offset_seconds": None}
    _update(camera, values)


def delete_camera(camera: Camera) -> None:
    """Delete a camera without uploads and files, and its folder. Otherwise raise `CameraHasFilesError`.

    A folder that remained would become a camera again. If files arrive meanwhile, nothing is deleted.
    """
    with transaction.atomic():
        locked = Camera.objects.select_for_update().get(pk=camera.pk)
        if locked.uploads.exists():
            raise CameraHasFilesError
        audit.record("camera_deleted", f"camera {camera.pk}", before={"name": camera.name, "folder": camera.folder})
        locked.delete()
        _delete_folder(camera.folder)


def create_zone(camera: Camera, values: dict[str, Any]) -> Zone:
    """Create a zone. Raise `ZoneExistsError` or `TooManyZonesError`."""
    with transaction.atomic():
        zone = _insert_zone(camera, **values)
        audit.record("zone_created", f"zone {zone.pk}", after={"camera": camera.pk, **values})
    return zone


def update_zone(zone: Zone, values: dict[str, Any], version: int | None) -> None:
    """Write the given columns of a zone. Raise `ZoneChangedError` unless it still has `version` (None: any)."""
    with transaction.atomic():
        if not zone.advance_version(version):
            raise ZoneChangedError
        _update(zone, values)


def delete_zone(zone: Zone) -> None:
    """Delete a zone. Detections inside it keep its id."""
    with transaction.atomic():
        audit.record("zone_deleted", f"zone {zone.pk}", before={"camera": zone.camera_id, "name": zone.name})
        zone.delete()


def _update(row: Camera | Zone, values: dict[str, Any]) -> None:
    """Write these columns and no others, because another user may change the rest at the same time."""
    before = {name: getattr(row, name) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    if before != values:
        kind = row._meta.model_name
        with transaction.atomic():
            row.save(update_fields=list(values))
            audit.record(f"{kind}_changed", f"{kind} {row.pk}", before=before, after=values)


def _delete_folder(folder: str) -> None:
    tree = Tree(settings.CAMERA_ROOT)
    try:
        if folder in tree.folders():
            remove_folder(tree, folder)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise CameraHasFilesError from error
        raise storage_error(error) from error
    except OutsideTreeError as error:
        raise CameraHasFilesError from error


def _insert_camera(folder: str, **values: Any) -> Camera:
    """Create the row of a camera with a safe id. Raise `CameraExistsError` if the folder has one."""
    for camera_id in (safe_id(folder), f"{safe_id(folder)[:50]}-{_digest(folder)}"):
        try:
            with transaction.atomic():
                camera = Camera.objects.create(pk=camera_id, folder=folder, **values)
        except IntegrityError:
            if Camera.objects.filter(folder=folder).exists():
                raise CameraExistsError from None
        else:
            logger.info("New camera %s", camera.pk)
            return camera
    raise IntegrityError(f"no free id for the folder {folder!r}")


def _insert_zone(camera: Camera, name: str, **values: Any) -> Zone:
    """Create the row of a zone with a safe id. Raise `ZoneExistsError` or `TooManyZonesError`."""
    if camera.zones.count() >= MAX_ZONES:
        raise TooManyZonesError
    for zone_id in (safe_id(name)[:50], f"{safe_id(name)[:50]}-{_digest(f'{camera.pk}/{name}')}"):
        try:
            with transaction.atomic():
                return Zone.objects.create(pk=zone_id, camera=camera, name=name, **values)
        except IntegrityError:
            continue
    raise ZoneExistsError


def default_name(folder: str) -> str:
    """Derive a camera's first name from its folder."""
    name = printable(folder).replace("_", " ").replace("/", " ").strip()[:120] or "Camera"
    return name[:1].upper() + name[1:]


def safe_id(name: str) -> str:
    """Return a slug of at most 64 characters that is safe in URLs, paths and metric labels."""
    slug = slugify(name.replace("/", "_")).replace("-", "_")[:64]
    return slug or f"camera_{_digest(name)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
