"""Folders become cameras: the first folder below the root is the camera, never a guess from a name.

Only where a person has set a pattern for the folder of a recorder, a name tells which of its channels a file is of.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from cameras.intake import http_paths, recorder_channels
from cameras.models import Camera, Zone
from hsi.db import sql
from hsi.errors import ConflictError
from hsi.logs.formatters import printable

logger = logging.getLogger(__name__)

MOST_ZONES = 64


class CameraExistsError(ConflictError):
    """The folder already belongs to a camera."""

    code = "CAMERA_EXISTS"


class ZoneExistsError(ConflictError):
    """The camera already has a zone with this name."""

    code = "ZONE_EXISTS"


class TooManyZonesError(ConflictError):
    """The camera has the maximum number of zones."""

    code = "TOO_MANY_ZONES"


@dataclass(frozen=True, slots=True)
class _Place:
    """Whose a file is: `camera`, or None until one is made for `folder`. A channel has a `recorder`."""

    camera: Camera | None
    folder: str
    recorder: Camera | None = None


def camera_of(path: str) -> Camera | None:
    """The camera of the file at `path`, below the root. None: it lies in no camera's folder, or in none so far."""
    return _place(path).camera


def make_camera_of(path: str) -> Camera:
    """The camera of the file at `path`; where `camera_of` finds none, its folder or its channel becomes one."""
    place = _place(path)
    if place.camera is not None:
        return place.camera
    if place.recorder is None:
        return create_camera(place.folder)
    return create_camera(place.folder, time_zone=place.recorder.time_zone, make=place.recorder.make)


def _place(path: str) -> _Place:
    folder, _, below = path.partition("/")
    recorder = _known(folder) if below else None
    if recorder is None:
        return _Place(None, folder)
    sent_to = http_paths.camera_folder(path)
    if sent_to and (known := _known(sent_to)):
        return _Place(known, sent_to)
    if not recorder.channel_pattern:
        recorder_channels.notice(recorder.pk, below)
        return _Place(recorder, folder)
    channel = recorder_channels.channel_in(recorder.channel_pattern, below)
    # What a recorder sends waits while it is paused, whatever the channel.
    return _of_channel(recorder, channel) if channel and recorder.enabled else _Place(recorder, folder)


def _of_channel(recorder: Camera, channel: str) -> _Place:
    """An unknown channel becomes a camera, where the setting allows, up to a limit."""
    folder = f"{recorder.folder}/{channel}"
    known = _known(folder)
    if known is None and settings.CAMERA_AUTO_CREATE and _has_most_channels(recorder):
        logger.warning("Camera %s has %s channels, and gets no more", recorder.pk, recorder_channels.MOST_CHANNELS)
        return _Place(recorder, recorder.folder)
    return _Place(known, folder, recorder)


def _has_most_channels(recorder: Camera) -> bool:
    return Camera.objects.filter(folder__startswith=f"{recorder.folder}/").count() >= recorder_channels.MOST_CHANNELS


def _known(folder: str) -> Camera | None:
    return next(iter(sql.select(Camera, "folder=%(folder)s", {"folder": folder})), None)


def create_camera(folder: str, **values: Any) -> Camera:
    """A camera for a folder, with a safe id. Two that do it at once get the same camera."""
    try:
        return add_camera(folder, name=name_of(folder), **values)
    except CameraExistsError:
        return Camera.objects.get(folder=folder)


def name_of(folder: str) -> str:
    """What a camera is called for its folder, until somebody names it."""
    name = printable(folder).replace("_", " ").replace("/", " ").strip()[:120] or "Camera"
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
    slug = slugify(folder.replace("/", "_")).replace("-", "_")[:64]
    return slug or f"camera_{_digest(folder)}"


def _digest(folder: str) -> str:
    return hashlib.sha256(folder.encode()).hexdigest()[:8]
