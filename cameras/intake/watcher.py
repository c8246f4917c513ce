"""The watcher: the loop that accepts the files in the camera folders.

File events report at once that a file is complete. Scans find what events miss: an overflow, a new folder, files that
came while the watcher was stopped. Both feed the same stability tracker, which decides when a file is ready. A failure
affects only its own file.
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
from cameras.files.paths import OutsideTreeError, is_ignored, is_too_deep
from cameras.files.spool import SpoolFullError
from cameras.files.tree import Tree
from cameras.intake.accept import IntakeResult, accept_file
from cameras.intake.file_events import FileEvents
from cameras.intake.polling_fallback import PollingFallback
from cameras.intake.problem_log import ProblemLog
from cameras.intake.scanner import SCAN_PROBLEMS, ScanVisitor, is_supported, without_row
from cameras.intake.spooling import Spooler
from cameras.intake.stability import ReadyFile, StabilityTracker, Stamp
from cameras.models import IntakeProblem
from cameras.naming.http_paths import request_id
from hsi import failpoints
from hsi.errors import HSIError
from hsi.logs import context
from hsi.workers.loop import Loop

logger = logging.getLogger(__name__)

FILES_PER_STEP = 64
SCAN_CHUNK = 500  # files compared with the database at a time
RETRY_SECONDS = 5.0  # after a full disk or a database error
UNREADABLE_RETRY_SECONDS = 30.0  # a changed file mode is also reported by an event
UNEXPECTED_RETRY_SECONDS = 300.0  # after an unexpected failure
MAX_PAUSE_SECONDS = 1.0  # events of writes do not wake the loop, and must not pile up
FOLDER_SCAN_SECONDS = 0.5  # a new folder is scanned this long after it appeared
OVERFLOW_SCAN_SECONDS = 1.0  # everything is scanned this long after the system dropped events
STORE_PROBLEMS_SECONDS = 2.0
POLL_INTERVAL_FACTOR = 10  # polling takes at most about one tenth of the time
Kind = IntakeProblem.Kind
FILE_PROBLEMS = (Kind.UNREADABLE_FILE, Kind.FAILING, Kind.SPOOL_FULL)
STORED_RESULTS = (IntakeResult.ACCEPTED, IntakeResult.DUPLICATE, IntakeResult.REJECTED)


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
        self.problems = ProblemLog()
        self.file_events = FileEvents(self.root, self.wake)
        self.fallback = PollingFallback(self.root, self.file_events, self.problems)
        self.spooler = Spooler()
        self._next_scan = self._next_poll = self._next_store = 0.0
        # Whether everything was scanned since file events started. What a later scan finds, an event has missed.
        self._has_scanned = False
        self._folders_with_leftovers: set[str] = set()  # folders with files that were not accepted last time
        self._folders_to_scan: dict[str, float] = {}

    def open(self) -> None:
        if not self.root.is_dir():
            if settings.FOSCAM_BASE_PATH:
                raise CameraRootMissingError
            self.root.mkdir(parents=True)
        self._start_file_events()

    def close(self) -> None:
        self.file_events.stop()

    def idle(self) -> bool:
        return len(self.tracker) == 0

    def step(self) -> float:
        now = time.monotonic()
        self._handle_events(now)
        self._check_folders(now)
        self._scan_when_due(now)
        self.attempt(partial(self.spooler.step, now), _log_spool_failure)
        self._store_problems(now)
        if self.spooler.is_full:
            self.problems.add(Kind.SPOOL_FULL, "", "intake pauses until some of the waiting files are analysed")
            return MAX_PAUSE_SECONDS
        self.problems.clear(Kind.SPOOL_FULL, "")
        if self.guard.is_paused():
            return MAX_PAUSE_SECONDS
        ready_files = self.tracker.ready(time.monotonic(), self._stamp, FILES_PER_STEP)
        for ready in ready_files:
            self.attempt(partial(self._accept, ready), partial(self._handle_failure, ready))
        has_more = len(ready_files) == FILES_PER_STEP or self.file_events.has_pending
        return 0 if has_more else self._pause_seconds()

    def _pause_seconds(self) -> float:
        now = time.monotonic()
        due_times = [self._next_scan, *self._folders_to_scan.values()]
        due_in = self.tracker.next_due(now)
        if due_in is not None:
            due_times.append(now + due_in)
        return min(max(0.001, min(due_times) - now), MAX_PAUSE_SECONDS)

    def _start_file_events(self) -> None:
        """Start file events, and scan everything next. If the system has no events, record it and scan more often."""
        self._next_scan, self._has_scanned = 0.0, False
        self.file_events.stop()
        if not settings.FILE_WATCHER_POLLING:
            try:
                self.file_events.start()
            except OSError as error:
                self.problems.add(Kind.UNWATCHED, "", f"{error.strerror or error}: they are scanned instead")
            else:
                self.problems.clear(Kind.UNWATCHED, "")
        self.fallback.reset(time.monotonic())

    def _handle_events(self, now: float) -> None:
        for kind, path in self.file_events.drain():
            if kind == "folder":
                self.fallback.expect(path)
                self._folders_to_scan[path] = now + FOLDER_SCAN_SECONDS
            elif kind == "folder-attributes":
                if self.problems.has(Kind.UNREADABLE_FOLDER, path):
                    self._start_file_events()
            elif kind == "gone":
                self.tracker.forget(path)
                self.problems.resolve(path, *FILE_PROBLEMS, Kind.UNKNOWN)
            elif not is_ignored(path):
                self._handle_file_event(kind, path, now)

    def _handle_file_event(self, kind: str, path: str, now: float) -> None:
        if is_too_deep(path):
            self.problems.add(Kind.TOO_DEEP, path.rpartition("/")[0])
        elif kind == "attributes":
            self.tracker.retry_now(path, now)
        elif not is_supported(path):
            if "/" in path:
                self.problems.add(Kind.UNKNOWN, path)
        elif kind in ("closed", "placed"):
            self.tracker.closed(path, now, placed=kind == "placed")
        elif kind == "writing":
            self.tracker.writing(path, now)
        elif (stamp := self._stamp(path)) is not None:
            # Created without a write: moved in from outside, or renamed by linking. No other event reports that.
            self.tracker.seen(path, *stamp, now)

    def _check_folders(self, now: float) -> None:
        """Check every few seconds whether the watched folders are still the same ones."""
        try:
            new_folders, must_restart = self.fallback.check(now)
        except OSError as error:
            raise CameraRootMissingError from error
        if must_restart:
            self._start_file_events()
        for folder in new_folders:
            self._folders_to_scan.setdefault(folder, now)

    def _scan_when_due(self, now: float) -> None:
        if self.file_events.has_overflowed:
            self.file_events.has_overflowed, self._has_scanned = False, False
            self.tracker.events_dropped(now)
            self._next_scan = min(self._next_scan, now + OVERFLOW_SCAN_SECONDS)
        if now >= self._next_scan:
            self._scan_all()
        for folder in [folder for folder, due_at in self._folders_to_scan.items() if due_at <= now]:
            del self._folders_to_scan[folder]
            self._scan(folder, ScanVisitor(self.problems))
        if now >= self._next_poll:
            for folder in self.fallback.folders_to_poll(now):
                self._scan(folder, ScanVisitor(self.problems), expected=False)
            took = time.monotonic() - now
            self._next_poll = now + took + max(settings.FILE_WATCHER_POLL_SECONDS, POLL_INTERVAL_FACTOR * took)

    def _scan_all(self) -> None:
        scan_problems = ProblemLog()
        visitor = ScanVisitor(scan_problems)
        self._scan("", visitor, expected=not (self._has_scanned and self.file_events.is_running))
        self.problems.replace(SCAN_PROBLEMS, scan_problems)
        self.fallback.folders_scanned(visitor.folders, time.monotonic())
        self._has_scanned = True
        polls = not self.file_events.is_running
        interval = settings.FILE_WATCHER_POLL_SECONDS if polls else settings.FILE_RESCAN_SECONDS
        self._next_scan = time.monotonic() + interval

    def _scan(self, below: str, visitor: ScanVisitor, *, expected: bool = True) -> None:
        """Track every file that has no row yet, in chunks. Handle file events in between.

        `expected`: it is no surprise that no event has reported the files.
        """
        entries = visitor.files(self.tree, below)
        while chunk := list(islice(entries, SCAN_CHUNK)):
            now = time.monotonic()
            for entry in without_row(chunk):
                is_expected = expected or entry.path.partition("/")[0] in self._folders_with_leftovers
                self.tracker.seen(entry.path, entry.size, entry.mtime_ns, now, expected=is_expected)
            self._handle_events(now)
            if self.stopping:
                return

    def _stamp(self, path: str) -> Stamp | None:
        """Return size and time of a file. None: it is gone, or cannot be read now, and a scan will find it again."""
        try:
            return self.tree.stamp(path)
        except OSError as error:
            self.problems.add(Kind.UNREADABLE_FILE, path, error.strerror or str(error))
            return None

    def _accept(self, ready: ReadyFile) -> None:
        now = time.monotonic()
        failpoints.reach("file-seen")
        with context.bound(request=request_id(ready.path)):
            result = accept_file(
                self.tree, ready.path, final=ready.final, placed=ready.placed, just_written=ready.just_written
            )
        self.problems.resolve(ready.path, *FILE_PROBLEMS)
        folder = ready.path.partition("/")[0]
        if result in (IntakeResult.NOT_OURS, IntakeResult.UNSUPPORTED):
            self._folders_with_leftovers.add(folder)
        elif result in STORED_RESULTS:
            self._folders_with_leftovers.discard(folder)
            if not ready.expected:
                self.fallback.event_missed(ready.path, now)
        self.done += result is IntakeResult.ACCEPTED
        stamp = self._stamp(ready.path) if result is IntakeResult.INCOMPLETE else None
        if stamp is not None:
            self.tracker.incomplete(ready.path, *stamp, now)

    def _handle_failure(self, ready: ReadyFile, error: Exception) -> None:
        """Record why a file could not be accepted, and try it again later, unless it is gone."""
        now = time.monotonic()
        kind, retry_seconds, detail = Kind.FAILING, RETRY_SECONDS, str(error)
        if isinstance(error, (FileNotFoundError, OutsideTreeError)):
            logger.info("%s is gone or not a camera's file: %s", ready.path, error)
            self.problems.resolve(ready.path, *FILE_PROBLEMS)
            return
        if isinstance(error, SpoolFullError):
            kind, retry_seconds, self.spooler.is_full = Kind.SPOOL_FULL, MAX_PAUSE_SECONDS, True
        elif isinstance(error, PermissionError):
            kind, retry_seconds, detail = Kind.UNREADABLE_FILE, UNREADABLE_RETRY_SECONDS, error.strerror or detail
        elif isinstance(error, OSError):
            detail = error.strerror or detail
        elif isinstance(error, (OperationalError, InterfaceError)):
            logger.error("%s cannot be accepted now, next try in %.0f s: %s", ready.path, retry_seconds, error)
            connections.close_all()
        else:
            retry_seconds = UNEXPECTED_RETRY_SECONDS
            if not self.problems.has(kind, ready.path):
                logger.error("%s cannot be accepted, next try in %.0f s", ready.path, retry_seconds, exc_info=error)
        self.problems.add(kind, ready.path, detail)
        self.tracker.retry_later(ready.path, now, retry_seconds)

    def _store_problems(self, now: float) -> None:
        if now >= self._next_store:
            self._next_store = now + STORE_PROBLEMS_SECONDS
            self.problems.store()


def _log_spool_failure(error: Exception) -> None:
    logger.error("Waiting files are not copied into the spool: %s", error)
    if isinstance(error, (OperationalError, InterfaceError)):
        connections.close_all()


def loops() -> list[Loop]:
    """Return the loops of `watch_cameras`."""
    return [CameraWatcher()]
