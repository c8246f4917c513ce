"""Which files are copied into the spool, and when: those that may be overwritten before they are analysed."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from datetime import timedelta

from django.utils import timezone

from cameras.files import spool
from cameras.intake.http_paths import is_own
from cameras.models import Camera, Upload
from hsi.queues import DETECTION_QUEUE, QueueUnavailableError, get_queue

logger = logging.getLogger(__name__)

WAIT_SECONDS = 1.0  # work that waits longer is secured
LOOK_SECONDS = 0.5
SWEEP_SECONDS = 10.0
AT_ONCE = 8  # copies a turn, so that new files are not kept waiting
MOST_PATHS = 5000  # remembered, to see which names are used again


class Memory:
    """Which content was last taken in under which path, by this process."""

    def __init__(self) -> None:
        self._sha256_of: OrderedDict[str, str] = OrderedDict()

    def is_reused(self, path: str) -> bool:
        return path in self._sha256_of

    def taken(self, camera: Camera, path: str, sha256: str) -> None:
        """Note what was taken in. A camera that is seen to overwrite a file is known for it from now on."""
        before = self._sha256_of.pop(path, sha256)
        self._sha256_of[path] = sha256
        if len(self._sha256_of) > MOST_PATHS:
            self._sha256_of.popitem(last=False)
        if before != sha256:
            note_reuse(camera)

    def forget(self) -> None:
        self._sha256_of.clear()


class Backlog:
    """Whether work waits for the detector, as of a moment ago."""

    def __init__(self) -> None:
        self._late = False
        self._look_at = 0.0

    def is_late(self) -> bool:
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self._late = self._look()
        return self._late

    def forget(self) -> None:
        """Look anew when it is asked for."""
        self._look_at = 0.0

    def _look(self) -> bool:
        try:
            depth = get_queue(DETECTION_QUEUE).depth()
        except QueueUnavailableError:
            return True
        return depth.waiting + depth.delayed > 0 or (depth.oldest_seconds or 0.0) > WAIT_SECONDS


memory = Memory()
backlog = Backlog()


def note_reuse(camera: Camera) -> None:
    """The camera overwrites its files."""
    if not camera.reuses_names and Camera.objects.filter(pk=camera.pk, reuses_names=False).update(reuses_names=True):
        logger.info("Camera %s uses names again: its files are copied as they come", camera.pk)
    camera.reuses_names = True


def wants_copy(camera: Camera | None, path: str, size: int) -> bool:
    """Whether the file at `path` is to be copied before it is read. `camera`: None where there is none yet.

    A name without a number tells no two pictures apart, so it will be used again.
    """
    if is_own(path) or not spool.is_wanted_for(size):
        return False
    name = path.rpartition("/")[2].rpartition(".")[0]
    if not any(map(str.isdigit, name)) or (camera is not None and camera.reuses_names) or memory.is_reused(path):
        return True
    return backlog.is_late()


class Securer:
    """Copies what has waited too long, and removes copies that crashes left. One loop gives it its turns."""

    def __init__(self) -> None:
        self._secured = 0  # uploads up to this one have been looked at
        self._turn_at = 0.0
        self._sweep_at = 0.0
        self.is_full = False

    def turn(self, now: float) -> None:
        """`now` is a monotonic time in seconds."""
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_SECONDS
            spool.sweep()
        if now < self._turn_at:
            return
        self._turn_at = now + LOOK_SECONDS
        self.is_full = self.is_full and spool.is_nearly_full()
        if not self.is_full and backlog.is_late():
            self._secure()

    def _secure(self) -> None:
        before = timezone.now() - timedelta(seconds=WAIT_SECONDS)
        waiting = Upload.objects.waiting().filter(pk__gt=self._secured).order_by("pk")
        for upload in waiting[:AT_ONCE]:
            if upload.received_at > before:
                return
            try:
                if not is_own(upload.path):
                    spool.secure(upload)
            except spool.SpoolFullError:
                self.is_full = True
                return
            except OSError as error:
                logger.info("%s is not copied: %s", upload.path, error)
            self._secured = upload.pk
            self._turn_at = 0.0  # more may wait
