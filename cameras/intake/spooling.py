"""Which files are copied into the spool, and when: files that their camera may overwrite before they are analysed."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from datetime import timedelta

from django.utils import timezone

from cameras.files import spool
from cameras.models import Camera, Upload
from cameras.naming.http_paths import is_http_upload
from hsi import process_state
from hsi.queues import DETECTION_QUEUE, QueueUnavailableError, get_queue

logger = logging.getLogger(__name__)

WAIT_SECONDS = 1.0  # uploads that wait longer than this are copied
CHECK_SECONDS = 0.5
SWEEP_SECONDS = 10.0
COPIES_PER_STEP = 8  # so that new files are not kept waiting
MAX_PATHS = 5000  # remembered, to recognise reused names


class RecentPaths:
    """The content that this process last accepted under each path."""

    def __init__(self) -> None:
        self._sha256_by_path: OrderedDict[str, str] = OrderedDict()

    def contains(self, path: str) -> bool:
        return path in self._sha256_by_path

    def add(self, camera: Camera, path: str, sha256: str) -> None:
        """Remember an accepted file. If it overwrote another one, record that the camera reuses names."""
        previous = self._sha256_by_path.pop(path, sha256)
        self._sha256_by_path[path] = sha256
        if len(self._sha256_by_path) > MAX_PATHS:
            self._sha256_by_path.popitem(last=False)
        if previous != sha256:
            record_name_reuse(camera)

    def forget(self) -> None:
        self._sha256_by_path.clear()


class DetectionBacklog:
    """Whether uploads wait for the detector. The answer is cached for `CHECK_SECONDS`."""

    def __init__(self) -> None:
        self._is_late = False
        self._check_at = 0.0

    def is_late(self) -> bool:
        now = time.monotonic()
        if now >= self._check_at:
            self._check_at = now + CHECK_SECONDS
            self._is_late = self._read_queue()
        return self._is_late

    def forget(self) -> None:
        """Discard the cached answer."""
        self._check_at = 0.0

    def _read_queue(self) -> bool:
        try:
            depth = get_queue(DETECTION_QUEUE).depth()
        except QueueUnavailableError:
            return True
        return depth.waiting + depth.delayed > 0 or (depth.oldest_seconds or 0.0) > WAIT_SECONDS


recent_paths = RecentPaths()
backlog = DetectionBacklog()
process_state.register(recent_paths.forget)
process_state.register(backlog.forget)


def record_name_reuse(camera: Camera) -> None:
    """Record that the camera overwrites its files, and log it the first time."""
    if camera.mark_reuses_names():
        logger.info("Camera %s reuses file names: its files are copied when they arrive", camera.pk)


def needs_copy(camera: Camera | None, path: str, size: int) -> bool:
    """Return whether to copy a file before it is read. `camera` is None if it does not exist yet.

    A name without a digit cannot distinguish two pictures, so the camera will use it again.
    """
    if is_http_upload(path) or not spool.fits(size):
        return False
    stem = path.rpartition("/")[2].rpartition(".")[0]
    is_reused = (camera is not None and camera.reuses_names) or recent_paths.contains(path)
    return not any(map(str.isdigit, stem)) or is_reused or backlog.is_late()


class Spooler:
    """Copies uploads that have waited too long, and deletes copies that crashes left. The watcher calls `step`."""

    def __init__(self) -> None:
        self._last_id = 0  # uploads up to this id are done
        self._step_at = 0.0
        self._sweep_at = 0.0
        self.is_full = False

    def step(self, now: float) -> None:
        """Do what is due. `now` is a monotonic time in seconds."""
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_SECONDS
            spool.sweep()
        if now < self._step_at:
            return
        self._step_at = now + CHECK_SECONDS
        self.is_full = self.is_full and spool.is_nearly_full()
        if not self.is_full and backlog.is_late():
            self._copy_waiting()

    def _copy_waiting(self) -> None:
        received_before = timezone.now() - timedelta(seconds=WAIT_SECONDS)
        waiting = Upload.objects.waiting().filter(pk__gt=self._last_id).order_by("pk")
        for upload in waiting[:COPIES_PER_STEP]:
            if upload.received_at > received_before:
                return
            try:
                if not is_http_upload(upload.path):
                    spool.copy_upload(upload)
            except spool.SpoolFullError:
                self.is_full = True
                return
            except OSError as error:
                logger.info("%s is not copied: %s", upload.path, error)
            self._last_id = upload.pk
            self._step_at = 0.0  # more may wait
