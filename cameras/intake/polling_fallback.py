"""Which folders to poll because their file events are missing. Scans show it: they find what events should report.

A mount over a folder, a replaced folder, a limit of watched folders and a share without events all look the same to
the receiver of events: nothing comes.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from cameras.files.paths import encode_path, is_system
from cameras.files.walk import Identity, identity
from cameras.intake.file_events import FileEvents
from cameras.intake.problem_log import ProblemLog
from cameras.models import IntakeProblem
from hsi.metrics import histograms

logger = logging.getLogger(__name__)

CHECK_SECONDS = 2.0
RESTART_SECONDS = 600.0  # between attempts to watch folders that could not be watched
POLL_FOR_SECONDS = 600.0  # a folder is polled this long after an event was missed
CONFIRM_SECONDS = 1.0  # a folder that has just appeared is not watched yet
Kind = IntakeProblem.Kind


class PollingFallback:
    """Not thread-safe: one loop owns it. `now` is a monotonic time in seconds; folders are path text, "" the root."""

    def __init__(self, root: Path, file_events: FileEvents, problems: ProblemLog) -> None:
        self._root = root
        self._file_events = file_events
        self._problems = problems
        self._identities: dict[str, Identity] = {}
        self._unwatched: set[str] = set()
        self._suspects: set[str] = set()
        self._confirm_at = float("inf")
        self._check_at = 0.0
        self._restart_at = 0.0
        self._poll_until: dict[str, float] = {}

    def reset(self, now: float) -> None:
        """File events were started again, so earlier observations no longer apply."""
        self._identities = self._read_identities()
        self._suspects, self._unwatched = set(), set()
        self._confirm_at, self._restart_at = float("inf"), now + RESTART_SECONDS

    def expect(self, folder: str) -> None:
        """An event reported this folder, so it is no surprise if it replaces another one."""
        self._identities.pop(folder, None)

    def check(self, now: float) -> tuple[list[str], bool]:
        """Return (folders that appeared without an event, whether file events must be restarted).

        It does so every few seconds. Raise `OSError` if the root cannot be read.
        """
        if now < self._check_at:
            return [], False
        self._check_at = now + CHECK_SECONDS
        current, previous = self._read_identities(), self._identities
        self._identities = current
        replaced = [folder for folder, inode in current.items() if previous.get(folder, inode) != inode]
        if replaced:
            logger.warning("%s was replaced by another folder: file events restart", replaced[0] or "camera folder")
            return [], self._file_events.is_running
        if self._confirm_at <= now:
            self._confirm()
        has_gaps = bool(self._unwatched or not self._file_events.is_running)
        new_folders = [folder for folder in current if folder not in previous and folder]
        return new_folders, has_gaps and self._restart_at <= now

    def folders_scanned(self, folders: set[str], now: float) -> None:
        """A full scan has found these folders. Those without events are confirmed a moment later."""
        self._suspects = self._file_events.unwatched(folders)
        self._confirm_at = now + CONFIRM_SECONDS if self._suspects else float("inf")
        if not self._suspects and self._unwatched:
            self._unwatched = set()
            self._report()

    def event_missed(self, path: str, now: float) -> None:
        """A scan has found a file that an event should have reported. Poll its folder for a while."""
        folder = path.partition("/")[0]
        histograms.count(histograms.NOTICES_MISSED)
        self._problems.add(Kind.MISSED, path)
        self._poll_until[folder] = now + POLL_FOR_SECONDS

    def folders_to_poll(self, now: float) -> list[str]:
        """Return the folders to scan instead of waiting for events."""
        for folder in [folder for folder, until in self._poll_until.items() if until <= now]:
            del self._poll_until[folder]
            self._problems.clear(Kind.MISSED, folder)
        topmost = {folder for folder in self._unwatched if self._unwatched.isdisjoint(_ancestors(folder))}
        return sorted(topmost | self._poll_until.keys())

    def _confirm(self) -> None:
        self._confirm_at = float("inf")
        self._unwatched = self._file_events.unwatched(self._suspects)
        self._report()

    def _report(self) -> None:
        current = ProblemLog()
        for folder in sorted(self._unwatched):
            current.add(Kind.UNWATCHED, folder, "they are scanned instead; the system's limit may be reached")
        self._problems.replace([Kind.UNWATCHED], current)

    def _read_identities(self) -> dict[str, Identity]:
        """Return device and inode of the root and of the folders right below it."""
        identities = {"": identity(self._root.stat())}
        with os.scandir(os.fsencode(self._root)) as entries:
            for entry in entries:
                name = encode_path(entry.name)
                if is_system(name):
                    continue
                try:
                    if entry.is_dir(follow_symlinks=False):
                        # The directory entry has the inode of a folder below a mount, so the path is read.
                        identities[name] = identity(Path(os.fsdecode(entry.path)).lstat())
                except OSError:
                    continue
        return identities


def _ancestors(folder: str) -> list[str]:
    parts = folder.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts))] + ([""] if folder else [])
