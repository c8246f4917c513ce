"""The watch loop: notifications where the system sends them, scans where it does not, and always both.

Notifications say that a file is complete at once; scans find what notifications missed (overflow, a
new folder, a stop of hours). Both feed the same stability tracker, which says when to take a file in.
What goes wrong with one file is the state of that file, and stops no other.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import InterfaceError, OperationalError, connections

from cameras.files.disk_guard import DiskGuard
from cameras.files.ignored_names import is_passed_over, is_too_deep
from cameras.files.spool import SpoolFullError
from cameras.files.tree import OutsideTreeError, Tree
from cameras.intake.accept import Outcome, take_in
from cameras.intake.coverage import Coverage
from cameras.intake.http_paths import request_of
from cameras.intake.notifier import Notifications
from cameras.intake.problem_log import ProblemBook
from cameras.intake.scanner import SCANNED, Survey, is_understood, unknown
from cameras.intake.securing import Securer
from cameras.intake.stability import Ready, StabilityTracker, Stamp
from cameras.models import IntakeProblem
from hsi import failpoints
from hsi.errors import HSIError
from hsi.logs import context
from hsi.workers.loop import Loop

logger = logging.getLogger(__name__)

AT_ONCE = 64  # files taken in per step
SCAN_CHUNK = 500  # files compared with the database at a time
RETRY_SECONDS = 5.0  # after a failure of ours: disk full, database away
UNREADABLE_SECONDS = 30.0  # a change of its rights is told besides
FAILING_SECONDS = 300.0  # after a failure that nobody foresaw
LONGEST_PAUSE_SECONDS = 1.0  # notices of writing wake nobody, and must not pile up
FOLDER_SCAN_SECONDS = 0.5  # a new folder is scanned this long after it appeared
DROPPED_SCAN_SECONDS = 1.0  # all is scanned this long after the system dropped notices
STORE_SECONDS = 2.0  # between looks whether problems have changed
SCAN_SHARE = 10  # scans in place of notices take at most one part of so many of the time
Kind = IntakeProblem.Kind
OF_FILES = (Kind.UNREADABLE_FILE, Kind.FAILING, Kind.SPOOL_FULL)
TAKEN = (Outcome.ACCEPTED, Outcome.DUPLICATE, Outcome.REJECTED)


class CameraRootMissingError(HSIError):
    """The camera folder does not exist or is not a folder. Create it, or set FOSCAM_BASE_PATH."""

    code = "CAMERA_ROOT_MISSING"


class CameraWatcher(Loop):
    """Watches every camera folder below the root."""

    def __init__(self, root: Path | None = None) -> None:
        super().__init__("watcher")
        self.root: Path = root or settings.CAMERA_ROOT
        self.tree = Tree(self.root)
        self.tracker = StabilityTracker(
            stable_seconds=settings.FILE_STABLE_SECONDS, incomplete_seconds=settings.FILE_INCOMPLETE_SECONDS
        )
        self.guard = DiskGuard()
        self.book = ProblemBook()
        self.notifications = Notifications(self.root, self.wake)
        self.coverage = Coverage(self.root, self.notifications, self.book)
        self.securer = Securer()
        self._next_scan = self._next_poll = self._next_store = 0.0
        # Whether a scan of everything has been done since notices were asked for: what the next one finds is new.
        self._has_scanned = False
        self._left: set[str] = set()  # folders with files that were not taken in at the last look
        self._folders_to_scan: dict[str, float] = {}

    def open(self) -> None:
        if not self.root.is_dir():
            if settings.FOSCAM_BASE_PATH:
                raise CameraRootMissingError
            self.root.mkdir(parents=True)
        self._observe()

    def close(self) -> None:
        self.notifications.stop()

    def idle(self) -> bool:
        return len(self.tracker) == 0

    def step(self) -> float:
        now = time.monotonic()
        self._hear(now)
        self._look_at_folders(now)
        self._scan_when_due(now)
        self.attempt(partial(self.securer.turn, now), _not_secured)
        self._store_problems(now)
        if self.securer.is_full:
            self.book.note(Kind.SPOOL_FULL, "", "intake pauses until some of what waits is analysed")
            return LONGEST_PAUSE_SECONDS
        self.book.clear(Kind.SPOOL_FULL, "")
        if self.guard.paused():
            return LONGEST_PAUSE_SECONDS
        ready = self.tracker.ready(time.monotonic(), self._stamp, AT_ONCE)
        for one in ready:
            self.attempt(partial(self._take_in, one), partial(self._failed, one))
        return 0 if len(ready) == AT_ONCE or self.notifications.waiting else self._pause()

    def _pause(self) -> float:
        now = time.monotonic()
        dues = [self._next_scan, *self._folders_to_scan.values()]
        due = self.tracker.next_due(now)
        if due is not None:
            dues.append(now + due)
        return min(max(0.001, min(dues) - now), LONGEST_PAUSE_SECONDS)

    def _observe(self) -> None:
        """Ask the system to tell us, and scan everything. Where it cannot tell, say so and scan more often."""
        self._next_scan, self._has_scanned = 0.0, False
        self.notifications.stop()
        if not settings.FILE_WATCHER_POLLING:
            try:
                self.notifications.start()
            except OSError as error:
                self.book.note(Kind.UNWATCHED, "", f"{error.strerror or error}: they are scanned instead")
            else:
                self.book.clear(Kind.UNWATCHED, "")
        self.coverage.begin(time.monotonic())

    def _hear(self, now: float) -> None:
        for kind, path in self.notifications.drained():
            if kind == "folder":
                self.coverage.expect(path)
                self._folders_to_scan[path] = now + FOLDER_SCAN_SECONDS
            elif kind == "folder-attributes":
                if self.book.has(Kind.UNREADABLE_FOLDER, path):
                    self._observe()
            elif kind == "gone":
                self.tracker.forget(path)
                self.book.settle(path, *OF_FILES, Kind.UNKNOWN)
            elif not is_passed_over(path):
                self._told(kind, path, now)

    def _told(self, kind: str, path: str, now: float) -> None:
        if is_too_deep(path):
            self.book.note(Kind.TOO_DEEP, path.rpartition("/")[0])
        elif kind == "attributes":
            self.tracker.hurry(path, now)
        elif not is_understood(path):
            if "/" in path:
                self.book.note(Kind.UNKNOWN, path)
        elif kind in ("closed", "placed"):
            self.tracker.closed(path, now, placed=kind == "placed")
        elif kind == "writing":
            self.tracker.writing(path, now)
        elif (stamp := self._stamp(path)) is not None:
            # Created and not written to: moved in from outside, or renamed by linking, which no other notice tells.
            self.tracker.noticed(path, *stamp, now)

    def _look_at_folders(self, now: float) -> None:
        """Whether folders are still those that the system tells of, every few seconds."""
        try:
            appeared, renew = self.coverage.look(now)
        except OSError as error:
            raise CameraRootMissingError from error
        if renew:
            self._observe()
        for folder in appeared:
            self._folders_to_scan.setdefault(folder, now)

    def _scan_when_due(self, now: float) -> None:
        if self.notifications.were_dropped:
            self.notifications.were_dropped, self._has_scanned = False, False
            self._next_scan = min(self._next_scan, now + DROPPED_SCAN_SECONDS)
        if now >= self._next_scan:
            self._scan_all()
        for folder in [folder for folder, due in self._folders_to_scan.items() if due <= now]:
            del self._folders_to_scan[folder]
            self._scan(folder, Survey(self.book))
        if now >= self._next_poll:
            for folder in self.coverage.polled(now):
                self._scan(folder, Survey(self.book), announced=False)
            took = time.monotonic() - now
            self._next_poll = now + took + max(settings.FILE_WATCHER_POLL_SECONDS, SCAN_SHARE * took)

    def _scan_all(self) -> None:
        found = ProblemBook()
        survey = Survey(found)
        self._scan("", survey, announced=not (self._has_scanned and self.notifications.come))
        self.book.replace(SCANNED, found)
        self.coverage.scanned(survey.folders, time.monotonic())
        self._has_scanned = True
        polls = not self.notifications.come
        seconds = settings.FILE_WATCHER_POLL_SECONDS if polls else settings.FILE_RESCAN_SECONDS
        self._next_scan = time.monotonic() + seconds

    def _scan(self, below: str, survey: Survey, *, announced: bool = True) -> None:
        """Notice every file that has no row yet, in chunks, hearing notifications in between."""
        entries = survey.files(self.tree, below)
        while chunk := list(islice(entries, SCAN_CHUNK)):
            now = time.monotonic()
            for entry in unknown(chunk):
                told = announced or entry.path.partition("/")[0] in self._left
                self.tracker.noticed(entry.path, entry.size, entry.mtime_ns, now, announced=told)
            self._hear(now)
            if self.stopping:
                return

    def _stamp(self, path: str) -> Stamp | None:
        """None: it is gone, or cannot be looked at: then a scan finds it again."""
        try:
            return self.tree.stamp(path)
        except OSError as error:
            self.book.note(Kind.UNREADABLE_FILE, path, error.strerror or str(error))
            return None

    def _take_in(self, ready: Ready) -> None:
        now = time.monotonic()
        failpoints.reach("file-seen")
        with context.bound(request=request_of(ready.path)):
            outcome = take_in(self.tree, ready.path, final=ready.final, placed=ready.placed, told=ready.told)
        self.book.settle(ready.path, *OF_FILES)
        folder = ready.path.partition("/")[0]
        if outcome in (Outcome.NOT_OURS, Outcome.NOT_UNDERSTOOD):
            self._left.add(folder)
        elif outcome in TAKEN:
            self._left.discard(folder)
            if not ready.announced:
                self.coverage.missed(ready.path, now)
        self.done += outcome is Outcome.ACCEPTED
        stamp = self._stamp(ready.path) if outcome is Outcome.INCOMPLETE else None
        if stamp is not None:
            self.tracker.deferred(ready.path, *stamp, now)

    def _failed(self, ready: Ready, error: Exception) -> None:
        """What went wrong is about this file: it waits with a reason, or is gone."""
        now = time.monotonic()
        kind, seconds, detail = Kind.FAILING, RETRY_SECONDS, str(error)
        if isinstance(error, (FileNotFoundError, OutsideTreeError)):
            logger.info("%s is gone or not ours: %s", ready.path, error)
            self.book.settle(ready.path, *OF_FILES)
            return
        if isinstance(error, SpoolFullError):
            kind, seconds, self.securer.is_full = Kind.SPOOL_FULL, LONGEST_PAUSE_SECONDS, True
        elif isinstance(error, PermissionError):
            kind, seconds, detail = Kind.UNREADABLE_FILE, UNREADABLE_SECONDS, error.strerror or detail
        elif isinstance(error, OSError):
            detail = error.strerror or detail
        elif isinstance(error, (OperationalError, InterfaceError)):
            logger.error("%s cannot be taken in now, again in %.0f s: %s", ready.path, seconds, error)
            connections.close_all()
        else:
            seconds = FAILING_SECONDS
            if not self.book.has(kind, ready.path):
                logger.error("%s cannot be taken in, again in %.0f s", ready.path, seconds, exc_info=error)
        self.book.note(kind, ready.path, detail)
        self.tracker.retry_later(ready.path, now, seconds)

    def _store_problems(self, now: float) -> None:
        if now >= self._next_store:
            self._next_store = now + STORE_SECONDS
            self.book.store()


def _not_secured(error: Exception) -> None:
    logger.error("Files that wait are not copied into the spool: %s", error)
    if isinstance(error, (OperationalError, InterfaceError)):
        connections.close_all()


def loops() -> list[Loop]:
    return [CameraWatcher()]
