"""Folders become cameras: the first folder below the root is the camera, never a guess from a name."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from cameras.models import Camera, Zone
from hsi import rows
from hsi.errors import ConflictError
from hsi.logs import printable

logger = logging.getLogger(__name__)

MOST_ZONES = 64


class CameraExistsError(ConflictError):
    """This folder belongs to a camera already."""

    code = "CAMERA_EXISTS"


class ZoneExistsError(ConflictError):
    """The camera has a zone of this name already."""

    code = "ZONE_EXISTS"


class TooManyZonesError(ConflictError):
    """The camera has as many zones as it can have."""

    code = "TOO_MANY_ZONES"


def camera_of(folder: str) -> Camera | None:
    """The camera of a first-level folder (path text), where it has one."""
    return next(iter(rows.select(Camera, "folder=%(folder)s", {"folder": folder})), None)


def create_camera(folder: str) -> Camera:
    """A camera for a folder, with a safe id. Two that do it at once get the same camera."""
    try:
        return add_camera(folder, name=name_of(folder))
    except CameraExistsError:
        return Camera.objects.get(folder=folder)


def name_of(folder: str) -> str:
    """What a camera is called for its folder, until somebody names it."""
    name = printable(folder).replace("_", " ").strip()[:120] or "Camera"
    return name[:1].upper() + name[1:]


def add_camera(folder: str, **values: Any) -> Camera:
    """A new camera for a folder, with a safe id. Raises `CameraExistsError` where the folder has one."""
    for identity in (safe_id(folder), f"{safe_id(folder)[:50]}-{_digest(folder)}"):
        try:
            with transaction.atomic():
                camera = Camera.objects.create(pk=identity, folder=folder, **values)
        except IntegrityError:
            if Camera.objects.filter(folder=folder).exists():
                raise CameraExistsError from None
        else:
            logger.info("New camera %s", camera.pk)
            return camera
    raise IntegrityError(f"no free id for the folder {folder!r}")


def add_zone(camera: Camera, name: str, **values: Any) -> Zone:
    """A new zone with a safe id of its own. Raises `ZoneExistsError`, `TooManyZonesError`."""
    if camera.zones.count() >= MOST_ZONES:
        raise TooManyZonesError
    for identity in (safe_id(name)[:50], f"{safe_id(name)[:50]}-{_digest(f'{camera.pk}/{name}')}"):
        try:
            with transaction.atomic():
                return Zone.objects.create(pk=identity, camera=camera, name=name, **values)
        except IntegrityError:
            continue
    raise ZoneExistsError


def safe_id(folder: str) -> str:
    """A slug of at most 64 characters: usable in URLs, paths and metric labels whatever the folder is called."""
    slug = slugify(folder).replace("-", "_")[:64]
    return slug or f"camera_{_digest(folder)}"


def _digest(folder: str) -> str:
    return hashlib.sha256(folder.encode()).hexdigest()[:8]
