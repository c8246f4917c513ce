"""Making and removing cameras, with their folders."""

from __future__ import annotations

import errno
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from cameras.files.tree import OutsideTreeError, Tree
from cameras.files.writer import make_folder, remove_folder
from cameras.intake.upload_handlers import away
from cameras.models import Camera, Zone
from cameras.registry import CameraExistsError, add_camera, add_zone
from hsi import audit
from hsi.errors import ConflictError


class CameraHasFilesError(ConflictError):
    """The camera has files. Pause it, and delete it when retention has removed them."""

    code = "CAMERA_HAS_FILES"


class FolderUnusableError(ConflictError):
    """The camera folder contains a file with this name."""

    code = "FOLDER_UNUSABLE"


class ZoneChangedError(ConflictError):
    """Another user has changed or deleted this zone. Reload it."""

    code = "ZONE_CHANGED"


def make(folder: str, **values: Any) -> Camera:
    """A camera with its folder, which may be there already. A crash between leaves an empty folder, to be adopted."""
    if Camera.objects.filter(folder=folder).exists():
        raise CameraExistsError
    try:
        make_folder(Tree(settings.CAMERA_ROOT), folder)
    except OutsideTreeError as error:
        raise FolderUnusableError from error
    except OSError as error:
        raise away(error) from error
    with transaction.atomic():
        camera = add_camera(folder, **values)
        audit.record("camera_created", f"camera {camera.pk}", after={"folder": folder, **values})
    return camera


# What a clock that is off is measured by. With another one, what was found before says nothing.
CLOCK = ("time_zone", "clock_correction_seconds")


def store(row: Camera | Zone, values: dict[str, Any]) -> None:
    """Write those columns of a row that were given, and no others: somebody else may change the rest."""
    if isinstance(row, Camera) and any(getattr(row, name) != values.get(name, getattr(row, name)) for name in CLOCK):
        values = {**values, "clock_offset_seconds": None}
    before = {name: getattr(row, name) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    if before != values:
        kind = row._meta.model_name
        with transaction.atomic():
            row.save(update_fields=list(values))
            audit.record(f"{kind}_changed", f"{kind} {row.pk}", before=before, after=values)


def make_zone(camera: Camera, values: dict[str, Any]) -> Zone:
    """Raises `ZoneExistsError`, `TooManyZonesError`."""
    with transaction.atomic():
        zone = add_zone(camera, **values)
        audit.record("zone_created", f"zone {zone.pk}", after={"camera": camera.pk, **values})
    return zone


def store_zone(zone: Zone, values: dict[str, Any], version: int | None) -> None:
    """`store`, of a zone that still is `version` (None: of whatever it is). Raises `ZoneChangedError`."""
    with transaction.atomic():
        known = Zone.objects.filter(pk=zone.pk) if version is None else Zone.objects.filter(pk=zone.pk, version=version)
        if not known.update(version=F("version") + 1):
            raise ZoneChangedError
        zone.refresh_from_db()
        store(zone, values)


def remove_zone(zone: Zone) -> None:
    """Detections keep its id: they stood in it."""
    with transaction.atomic():
        audit.record("zone_deleted", f"zone {zone.pk}", before={"camera": zone.camera_id, "name": zone.name})
        zone.delete()


def remove(camera: Camera) -> None:
    """Delete a camera that has no upload and no file, with its folder: a folder that stays would be a camera again.

    Raises `CameraHasFilesError`. Whoever writes at the same time wins: a folder that is not empty is not removed.
    """
    with transaction.atomic():
        locked = Camera.objects.select_for_update().get(pk=camera.pk)
        if locked.uploads.exists():
            raise CameraHasFilesError
        audit.record("camera_deleted", f"camera {camera.pk}", before={"name": camera.name, "folder": camera.folder})
        locked.delete()
        _remove_folder(camera.folder)


def _remove_folder(folder: str) -> None:
    tree = Tree(settings.CAMERA_ROOT)
    try:
        if folder in tree.folders():
            remove_folder(tree, folder)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise CameraHasFilesError from error
        raise away(error) from error
    except OutsideTreeError as error:
        raise CameraHasFilesError from error
