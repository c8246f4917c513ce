"""What the system tells of the camera folders, and where it tells nothing.

Notices come through inotify. It watches the folder that was there when it was asked, whatever is mounted over
that or takes its place later; it has a limit of watches, which may be reached at any time; and it drops notices
when too many come at once.
"""

from __future__ import annotations

import logging
import os
import queue
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from watchdog.events import DirAttribEvent, DirCreatedEvent, DirMovedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from cameras.files.path_text import decode, encode

OBSERVER_LOG = "watchdog.observers.inotify"
STOP_SECONDS = 5.0


class Notifications(FileSystemEventHandler):
    """Notices of everything below `root`, as (kind, path below it) in `drained`. `wake` is called for those that hurry.

    Kinds: `closed` (after writing), `placed` (moved into place), `created`, `writing`, `gone`, `attributes`
    (mode or time of a file), `folder` (a folder is new) and `folder-attributes`.
    """

    def __init__(self, root: Path, wake: Callable[[], None]) -> None:
        self._root = root
        self._wake = wake
        self._queue: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._observer: BaseObserver | None = None
        self._dropped = _DroppedNotices(self)
        self.were_dropped = False

    def start(self) -> None:
        """Raises `OSError` where the system will not tell: too many folders, or a root that cannot be read."""
        logging.getLogger(OBSERVER_LOG).addHandler(self._dropped)
        observer = Observer()
        observer.schedule(self, str(self._root), recursive=True)
        observer.start()
        self._observer = observer

    def stop(self) -> None:
        logging.getLogger(OBSERVER_LOG).removeHandler(self._dropped)
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.stop()
            observer.join(STOP_SECONDS)

    @property
    def come(self) -> bool:
        """Whether any notices come at all."""
        observer = self._observer
        return observer is not None and observer.is_alive() and all(e.is_alive() for e in observer.emitters)

    @property
    def waiting(self) -> bool:
        return not self._queue.empty()

    def unwatched(self, folders: Iterable[str]) -> set[str]:
        """Those of `folders` (path text; "": the root) that the system tells nothing of."""
        # The library passes over folders that it cannot watch, and says so nowhere else.
        groups = [getattr(emitter, "_inotify", None) for emitter in self._observer.emitters] if self._observer else []
        watched = {path for group in groups if group is not None for path in dict(group._active_callbacks_by_path)}
        if not watched:
            return set()
        root = os.fsencode(self._root)
        return {folder for folder in folders if (root + b"/" + decode(folder) if folder else root) not in watched}

    def drained(self) -> Iterator[tuple[str, str]]:
        """What came since it was last asked."""
        while True:
            try:
                kind, absolute = self._queue.get_nowait()
            except queue.Empty:
                return
            try:
                yield kind, encode(os.fsencode(os.path.relpath(absolute, self._root)))
            except ValueError:
                continue

    def drop(self) -> None:
        """From any thread: the system dropped notices because too many came at once."""
        self.were_dropped = True
        self._wake()

    def on_closed(self, event: FileSystemEvent) -> None:
        self._pass("closed", event.src_path)

    def on_created(self, event: FileSystemEvent) -> None:
        self._pass("folder" if isinstance(event, DirCreatedEvent) else "created", event.src_path)

    def on_modified(self, event: FileSystemEvent) -> None:
        if not event.is_directory:
            self._pass("writing", event.src_path)

    def on_attrib(self, event: FileSystemEvent) -> None:
        self._pass("folder-attributes" if isinstance(event, DirAttribEvent) else "attributes", event.src_path)

    def on_moved(self, event: FileSystemEvent) -> None:
        self._pass("gone", event.src_path)
        self._pass("folder" if isinstance(event, DirMovedEvent) else "placed", event.dest_path)

    def on_deleted(self, event: FileSystemEvent) -> None:
        if not event.is_directory:
            self._pass("gone", event.src_path)

    def _pass(self, kind: str, path: bytes | str) -> None:
        if path:
            self._queue.put((kind, os.fsdecode(path)))
            if kind in {"closed", "placed", "folder"}:
                self._wake()


class _DroppedNotices(logging.Handler):
    """Hears that the system dropped notices. The observer tells that in its log alone."""

    def __init__(self, notifications: Notifications) -> None:
        super().__init__(logging.WARNING)
        self._notifications = notifications

    def emit(self, record: logging.LogRecord) -> None:
        if "overflow" in record.getMessage():
            self._notifications.drop()
