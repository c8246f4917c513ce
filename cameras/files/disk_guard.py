"""Pause intake while the disk of the data folder is nearly full, before the database can no longer write.

Nothing is lost: files that are not accepted wait in their camera's folder.
"""

from __future__ import annotations

import errno
import logging
import tempfile
import time
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, connections, transaction

from hsi.disk_space import Floor, missing_bytes
from hsi.errors import BusyError, HSIError
from hsi.outbox import publish
from hsi.outbox.messages import NO_CAMERA, Message, ServiceStatusData, service_status

logger = logging.getLogger(__name__)

CHECK_SECONDS = 2.0
RESUME_FACTOR = 1.25  # intake resumes when this many times the floor is free, so that it does not start and stop
RETRY_AFTER_SECONDS = 60


class StorageFullError(BusyError):
    """The disk is nearly full. Files are accepted again when there is enough space."""

    code = "STORAGE_FULL"

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=RETRY_AFTER_SECONDS)


class CameraFolderUnavailableError(HSIError):
    """The camera folder is unavailable or not writable.

    Uploads and jobs wait for it.
    """

    code = "CAMERA_FOLDER_UNAVAILABLE"
    status = 503
    counts = False

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(RETRY_AFTER_SECONDS)}


def storage_error(error: OSError) -> HSIError:
    """Convert an error of the disk or the share into the error that a client gets."""
    return StorageFullError() if error.errno in (errno.ENOSPC, errno.EDQUOT) else CameraFolderUnavailableError()


def data_folders() -> list[Path]:
    """Return the folders we write to: data, temporary files, and the database if it is a file."""
    name = str(connection.settings_dict["NAME"])
    database = [Path(name).parent] if connection.vendor == "sqlite" and Path(name).is_absolute() else []
    return [settings.DATA_DIR, *database, Path(tempfile.gettempdir())]


def is_disk_low(factor: float = 1.0) -> bool:
    """Return whether less than `factor` times the floor is free."""
    return missing_bytes(data_folders(), Floor.configured().scaled(factor)) > 0


class DiskGuard:
    """Checks the disk every few seconds. Publishes and logs once when intake pauses, and once when it resumes."""

    def __init__(self) -> None:
        self._is_paused = False
        self._check_at = 0.0

    def is_paused(self) -> bool:
        now = time.monotonic()
        if now >= self._check_at:
            self._check_at = now + CHECK_SECONDS
            self.check()
        return self._is_paused

    def check(self) -> None:
        is_low = is_disk_low(RESUME_FACTOR if self._is_paused else 1.0)
        if is_low == self._is_paused:
            return
        self._is_paused = is_low
        if is_low:
            logger.error("The disk is nearly full: intake pauses, files wait in their folders. Free some space.")
        else:
            logger.warning("The disk has free space again: intake resumes.")
        publish_status(paused=is_low)


def publish_status(*, paused: bool) -> None:
    """Publish `service.status` of the service `storage`. Log it if the database cannot write."""
    try:
        with transaction.atomic():
            publish.publish(Message("service.status", NO_CAMERA, status_data(paused=paused)))
    except (DatabaseError, InterfaceError) as error:
        logger.error("Cannot publish that intake %s: %s", "pauses" if paused else "resumes", error)
        connections.close_all()


def status_data(*, paused: bool) -> ServiceStatusData:
    detail = "The disk is nearly full: intake pauses." if paused else "The disk has free space: intake runs."
    return service_status("storage", "degraded" if paused else "healthy", detail=detail)
