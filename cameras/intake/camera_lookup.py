"""Which camera a file belongs to.

The first folder below the camera root is the camera. There are two exceptions. A file name decides which channel of a
recorder a file belongs to, if the recorder has a channel pattern. A file that came over HTTP lies in a folder that
names its camera.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.conf import settings

from cameras.models import Camera
from cameras.naming import http_paths, recorder_channels
from cameras.services import get_or_create_camera
from hsi.db import sql

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Owner:
    """The owner of a file. `camera` is None if `folder` has no camera yet. A channel has a `recorder`."""

    camera: Camera | None
    folder: str
    recorder: Camera | None = None


def camera_for_path(path: str) -> Camera | None:
    """Return the camera of the file at `path` (below the camera root), or None if it does not exist yet."""
    return _owner(path).camera


def get_or_create_camera_for_path(path: str) -> Camera:
    """Return the camera of the file at `path`. Create the camera of its folder or channel if needed."""
    owner = _owner(path)
    if owner.camera is not None:
        return owner.camera
    if owner.recorder is None:
        return get_or_create_camera(owner.folder)
    return get_or_create_camera(owner.folder, time_zone=owner.recorder.time_zone, vendor=owner.recorder.vendor)


def _owner(path: str) -> _Owner:
    root_folder, _, path_below = path.partition("/")
    camera = _camera_with_folder(root_folder) if path_below else None
    if camera is None:
        return _Owner(None, root_folder)
    http_folder = http_paths.camera_folder(path)
    if http_folder and (addressee := _camera_with_folder(http_folder)):
        return _Owner(addressee, http_folder)
    if not camera.channel_pattern:
        recorder_channels.warn_if_several_channels(camera.pk, path_below)
        return _Owner(camera, root_folder)
    channel = recorder_channels.match_channel(camera.channel_pattern, path_below)
    # The files of a paused recorder wait, for all of its channels.
    return _channel_owner(camera, channel) if channel and camera.enabled else _Owner(camera, root_folder)


def _channel_owner(recorder: Camera, channel: str) -> _Owner:
    """Return the owner of a channel's files. A new channel becomes a camera if settings and limit allow it."""
    folder = f"{recorder.folder}/{channel}"
    camera = _camera_with_folder(folder)
    if camera is None and settings.CAMERA_AUTO_CREATE and _has_max_channels(recorder):
        logger.warning(
            "Camera %s has %s channels already, no more are added", recorder.pk, recorder_channels.MAX_CHANNELS
        )
        return _Owner(recorder, recorder.folder)
    return _Owner(camera, folder, recorder)


def _has_max_channels(recorder: Camera) -> bool:
    return Camera.objects.filter(folder__startswith=f"{recorder.folder}/").count() >= recorder_channels.MAX_CHANNELS


def _camera_with_folder(folder: str) -> Camera | None:
    return next(iter(sql.select(Camera, "folder=%(folder)s", {"folder": folder})), None)
