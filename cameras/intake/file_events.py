"""File events of the camera folders, from inotify.

inotify watches the folders that exist when it starts, even if another folder is mounted over one or replaces it. It has
a limit of watched folders, which may be reached at any time, and it drops events when too many come at once.
`polling_fallback` finds out where that happens.
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

from cameras.files.paths import decode_path, encode_path

OBSERVER_LOG = "watchdog.observers.inotify"
STOP_TIMEOUT_SECONDS = 5.0
URGENT_KINDS = {"closed", "placed", "folder"}


class FileEvents(FileSystemEventHandler):
    """The events below `root`. `drain` yields them as (kind, path); `wake` is called for the urgent ones.

    Kinds: `closed` (after writing), `placed` (moved into place), `created`, `writing`, `gone`, `attributes` (mode or
    time of a file), `folder` (a new folder) and `folder-attributes`.
    """

    def __init__(self, root: Path, wake: Callable[[], None]) -> None:
        self._root = root
        self._wake = wake
        self._queue: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._observer: BaseObserver | None = None
        self._overflow_handler = _OverflowHandler(self)
        self.has_overflowed = False

    def start(self) -> None:
        """Raise `OSError` if the system cannot watch: too many folders, or an unreadable root."""
        logging.getLogger(OBSERVER_LOG).addHandler(self._overflow_handler)
        observer = Observer()
        observer.schedule(self, str(self._root), recursive=True)
        observer.start()
        self._observer = observer

    def stop(self) -> None:
        logging.getLogger(OBSERVER_LOG).removeHandler(self._overflow_handler)
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.stop()
            observer.join(STOP_TIMEOUT_SECONDS)

    @property
    def is_running(self) -> bool:
        observer = self._observer
        return observer is not None and observer.is_alive() and all(e.is_alive() for e in observer.emitters)

    @property
    def has_pending(self) -> bool:
        return not self._queue.empty()

    def unwatched(self, folders: Iterable[str]) -> set[str]:
        """Return those of `folders` (path text; "": the root) that the system does not watch."""
        # The library skips folders that it cannot watch, and reports them nowhere else.
        groups = [getattr(emitter, "_inotify", None) for emitter in self._observer.emitters] if self._observer else []
        watched = {path for group in groups if group is not None for path in dict(group._active_callbacks_by_path)}
        if not watched:
            return set()
        root = os.fsencode(self._root)
        return {folder for folder in folders if (root + b"/" + decode_path(folder) if folder else root) not in watched}

    def drain(self) -> Iterator[tuple[str, str]]:
        """Yield the events since the last call."""
        while True:
            try:
                kind, absolute = self._queue.get_nowait()
            except queue.Empty:
                return
            try:
                yield kind, encode_path(os.fsencode(os.path.relpath(absolute, self._root)))
            except ValueError:
                continue

    def report_overflow(self) -> None:
        """Record that the system dropped events. Any thread may call this."""
        self.has_overflowed = True
        self._wake()

    def on_closed(self, event: FileSystemEvent) -> None:
        self._put("closed", event.src_path)

    def on_created(self, event: FileSystemEvent) -> None:
        self._put("folder" if isinstance(event, DirCreatedEvent) else "created", event.src_path)

    def on_modified(self, event: FileSystemEvent) -> None:
        if not event.is_directory:
            self._put("writing", event.src_path)

    def on_attrib(self, event: FileSystemEvent) -> None:
        self._put("folder-attributes" if isinstance(event, DirAttribEvent) else "attributes", event.src_path)

    def on_moved(self, event: FileSystemEvent) -> None:
        self._put("gone", event.src_path)
        self._put("folder" if isinstance(event, DirMovedEvent) else "placed", event.dest_path)

    def on_deleted(self, event: FileSystemEvent) -> None:
        if not event.is_directory:
            self._put("gone", event.src_path)

    def _put(self, kind: str, path: bytes | str) -> None:
        if path:
            self._queue.put((kind, os.fsdecode(path)))
            if kind in URGENT_KINDS:
                self._wake()


class _OverflowHandler(logging.Handler):
    """Recognises dropped events. The observer reports them only in its log."""

    def __init__(self, file_events: FileEvents) -> None:
        super().__init__(logging.WARNING)
        self._file_events = file_events

    def emit(self, record: logging.LogRecord) -> None:
        if "overflow" in record.getMessage():
            self._file_events.report_overflow()
