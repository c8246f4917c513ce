"""Intake pauses while the disk of our own data is nearly full, before the database cannot write any more.

Nothing is lost by it: a file that is not taken in waits in its camera's folder.
"""

from __future__ import annotations

import logging
import tempfile
import time
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, connections, transaction

from hsi.disk_space import Floor, missing_bytes
from hsi.outbox import publish
from hsi.outbox.messages import Message, ServiceStatusData, service_status

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
RESUME_FACTOR = 1.25  # this much more than the floor must be free again, or intake would start and stop


def folders() -> list[Path]:
    """Where we write: the data folder, the folder of the database where that is a file, and the temporary folder."""
    name = str(connection.settings_dict["NAME"])
    database = [Path(name).parent] if connection.vendor == "sqlite" and Path(name).is_absolute() else []
    return [settings.DATA_DIR, *database, Path(tempfile.gettempdir())]


def is_short(factor: float = 1.0) -> bool:
    """Whether less is free than `factor` times the floor below which intake pauses."""
    return missing_bytes(folders(), Floor.configured().scaled(factor)) > 0


class DiskGuard:
    """Asked by the watcher before each turn. Looks every few seconds; says once that intake pauses or resumes."""

    def __init__(self) -> None:
        self._paused = False
        self._look_at = 0.0

    def paused(self) -> bool:
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self.look()
        return self._paused

    def look(self) -> None:
        short = is_short(RESUME_FACTOR if self._paused else 1.0)
        if short == self._paused:
            return
        self._paused = short
        if short:
            logger.error("The disk is nearly full: intake pauses, files wait in their folders. Free some room.")
        else:
            logger.warning("There is room on the disk again: intake resumes.")
        tell(paused=short)


def tell(*, paused: bool) -> None:
    """Publish `service.status` of the service `storage`. A database that cannot write is no reason to fail."""
    try:
        with transaction.atomic():
            publish.publish(Message("service.status", "", status_data(paused=paused)))
    except (DatabaseError, InterfaceError) as error:
        logger.error("It could not be published that intake %s: %s", "pauses" if paused else "resumes", error)
        connections.close_all()


def status_data(*, paused: bool) -> ServiceStatusData:
    detail = "The disk is nearly full: intake pauses." if paused else "There is room: intake goes on."
    return service_status("storage", "degraded" if paused else "healthy", detail=detail)
