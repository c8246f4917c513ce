"""The watch loop: notifications where the system sends them, scans where it does not, and always both.

Notifications say that a file is complete at once; scans find what notifications missed (overflow, a
new folder, a stop of hours). Both feed the same stability tracker, which says when to take a file in.
"""

from __future__ import annotations

import logging
import os
import queue
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from watchdog.events import DirCreatedEvent, DirMovedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from cameras.diskguard import DiskGuard
from cameras.intake import Outcome, take_in
from cameras.models import Garbage, Upload, version_key
from cameras.stability import Ready, StabilityTracker, is_temporary
from cameras.tree import Entry, OutsideTreeError, Tree, encode
from hsi import crashpoint
from hsi.errors import HSIError
from hsi.loop import Loop

logger = logging.getLogger(__name__)

AT_ONCE = 64  # files taken in per step
SCAN_CHUNK = 500  # files compared with the database at a time
RETRY_SECONDS = 5.0  # after a failure of ours: disk full, database away
LONGEST_PAUSE_SECONDS = 1.0  # notices of writing wake nobody, and must not pile up
FOLDER_SCAN_SECONDS = 0.5  # a new folder is scanned this long after it appeared
DROPPED_SCAN_SECONDS = 1.0  # all is scanned this long after the system dropped notices
OBSERVER_LOG = "watchdog.observers.inotify"


class CameraRootMissingError(HSIError):
    """The camera folder does not exist or is not a folder. Create it, or set FOSCAM_BASE_PATH."""

    code = "CAMERA_ROOT_MISSING"


class Notices(FileSystemEventHandler):
    """Passes what the system tells on to the loop, as (kind, absolute path)."""

    def __init__(self, loop: CameraWatcher) -> None:
        self.queue: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._loop = loop

    def on_closed(self, event: FileSystemEvent) -> None:
        self._pass("closed", event.src_path)

    def on_created(self, event: FileSystemEvent) -> None:
        self._pass("folder" if isinstance(event, DirCreatedEvent) else "created", event.src_path)

    def on_modified(self, event: FileSystemEvent) -> None:
        if not event.is_directory:
            self._pass("writing", event.src_path)

    def on_moved(self, event: FileSystemEvent) -> None:
        self._pass("gone", event.src_path)
        self._pass("folder" if isinstance(event, DirMovedEvent) else "closed", event.dest_path)

    def on_deleted(self, event: FileSystemEvent) -> None:
        if not event.is_directory:
            self._pass("gone", event.src_path)

    def _pass(self, kind: str, path: bytes | str) -> None:
        if path:
            self.queue.put((kind, os.fsdecode(path)))
            if kind in {"closed", "folder"}:
                self._loop.wake()


class DroppedNotices(logging.Handler):
    """Hears that the system dropped notices because too many came at once. The observer tells that in its log alone."""

    def __init__(self, loop: CameraWatcher) -> None:
        super().__init__(logging.WARNING)
        self._loop = loop

    def emit(self, record: logging.LogRecord) -> None:
        if "overflow" in record.getMessage():
            self._loop.notices_were_dropped()


class CameraWatcher(Loop):
    """Watches every camera folder below the root."""

    def __init__(self, root: Path | None = None) -> None:
        super().__init__("watcher")
        self.root: Path = root or settings.CAMERA_ROOT
        self.tree = Tree(self.root)
        self.notices = Notices(self)
        self.tracker = StabilityTracker(
            stable_seconds=settings.FILE_STABLE_SECONDS, incomplete_seconds=settings.FILE_INCOMPLETE_SECONDS
        )
        self.guard = DiskGuard()
        self._observer: BaseObserver | None = None
        self._dropped = DroppedNotices(self)
        self._were_dropped = False
        self._next_scan = 0.0
        self._folders_to_scan: dict[str, float] = {}

    def open(self) -> None:
        if not self.root.is_dir():
            if settings.FOSCAM_BASE_PATH:
                raise CameraRootMissingError
            self.root.mkdir(parents=True)
        if not settings.FILE_WATCHER_POLLING:
            self._observe()
        self._next_scan = 0.0

    def notices_were_dropped(self) -> None:
        """From any thread: what was written meanwhile is looked for soon."""
        self._were_dropped = True
        self.wake()

    def close(self) -> None:
        logging.getLogger(OBSERVER_LOG).removeHandler(self._dropped)
        if self._observer is not None:
            self._observer.stop()
            self._observer = None

    def idle(self) -> bool:
        return len(self.tracker) == 0

    def step(self) -> float:
        now = time.monotonic()
        self._hear(now)
        self._scan_when_due(now)
        if self.guard.paused():
            return LONGEST_PAUSE_SECONDS
        ready = self.tracker.ready(time.monotonic(), self.tree.stamp, AT_ONCE)
        for one in ready:
            self._take_in(one)
        return 0 if len(ready) == AT_ONCE or not self.notices.queue.empty() else self._pause()

    def _pause(self) -> float:
        now = time.monotonic()
        dues = [self._next_scan, *self._folders_to_scan.values()]
        due = self.tracker.next_due(now)
        if due is not None:
            dues.append(now + due)
        return min(max(0.001, min(dues) - now), LONGEST_PAUSE_SECONDS)

    def _observe(self) -> None:
        """Ask the system to tell us. Where it cannot (too many folders), say so and scan more often."""
        logging.getLogger(OBSERVER_LOG).addHandler(self._dropped)
        observer = Observer()
        try:
            observer.schedule(self.notices, str(self.root), recursive=True)
            observer.start()
        except OSError as error:
            logger.error("No notifications, scanning every %s s: %s", settings.FILE_WATCHER_POLL_SECONDS, error)
            return
        self._observer = observer

    def _hear(self, now: float) -> None:
        for kind, absolute in _drained(self.notices.queue):
            try:
                path = encode(os.fsencode(os.path.relpath(absolute, self.root)))
            except ValueError:
                continue
            if kind == "folder":
                self._folders_to_scan[path] = now + FOLDER_SCAN_SECONDS
            elif kind == "gone":
                self.tracker.forget(path)
            elif not is_temporary(path):
                self._told(kind, path, now)

    def _told(self, kind: str, path: str, now: float) -> None:
        if kind == "closed":
            self.tracker.closed(path, now)
        elif kind == "writing":
            self.tracker.writing(path, now)
        elif (stamp := self.tree.stamp(path)) is not None:
            # Created and not written to: moved in from outside, or renamed by linking, which no other notice tells.
            self.tracker.noticed(path, *stamp, now)

    def _scan_when_due(self, now: float) -> None:
        for folder in [folder for folder, due in self._folders_to_scan.items() if due <= now]:
            del self._folders_to_scan[folder]
            self._scan(folder)
        if self._were_dropped:
            self._were_dropped = False
            self._next_scan = min(self._next_scan, now + DROPPED_SCAN_SECONDS)
        if now >= self._next_scan:
            if not self.root.is_dir():
                raise CameraRootMissingError
            self._scan("")
            seconds = settings.FILE_RESCAN_SECONDS if self._observer is not None else settings.FILE_WATCHER_POLL_SECONDS
            self._next_scan = time.monotonic() + seconds

    def _scan(self, below: str) -> None:
        """Notice every file that has no row yet, in chunks, hearing notifications in between."""
        entries = (e for e in self.tree.walk(below) if not is_temporary(e.path) and "/" in e.path)
        while chunk := list(islice(entries, SCAN_CHUNK)):
            now = time.monotonic()
            for entry in unknown(chunk):
                self.tracker.noticed(entry.path, entry.size, entry.mtime_ns, now)
            self._hear(now)
            if self.stopping:
                return

    def _take_in(self, ready: Ready) -> None:
        now = time.monotonic()
        crashpoint.reach("file-seen")
        try:
            outcome = take_in(self.tree, ready.path, final=ready.final)
        except (FileNotFoundError, OutsideTreeError) as error:
            logger.info("%s is gone or not ours: %s", ready.path, error)
        except (OSError, DatabaseError, InterfaceError) as error:
            logger.error("%s cannot be taken in now, again in %.0f s: %s", ready.path, RETRY_SECONDS, error)
            if not isinstance(error, OSError):
                connections.close_all()
            self.tracker.retry_later(ready.path, now, RETRY_SECONDS)
        else:
            self.done += outcome is Outcome.ACCEPTED
            stamp = self.tree.stamp(ready.path) if outcome is Outcome.INCOMPLETE else None
            if stamp is not None:
                self.tracker.deferred(ready.path, *stamp, now)


def unknown(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Those files whose version has no row, and rejected ones that still are where they were.

    A file whose row was deleted is garbage until it is unlinked. It is asked for after the rows, or it could
    slip through between.
    """
    keyed = {version_key(e.path, e.size, e.mtime_ns): e for e in entries}
    rows = Upload.objects.filter(version_key__in=keyed).values_list("version_key", "state")
    known = {key for key, state in rows if state != Upload.State.REJECTED}
    known.update(Garbage.objects.filter(version_key__in=keyed.keys() - known).values_list("version_key", flat=True))
    return (entry for key, entry in keyed.items() if key not in known)


def _drained(source: queue.SimpleQueue[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    while True:
        try:
            yield source.get_nowait()
        except queue.Empty:
            return


def loops() -> list[Loop]:
    return [CameraWatcher()]
