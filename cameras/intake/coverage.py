"""Where notices can be relied on, judged by what scans find: elsewhere the folder is scanned instead.

A mount over a folder, a folder that takes another one's place, a limit of watches and a share that sends no
notices all look the same to who waits for notices: nothing comes.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from cameras.files.ignored_names import is_system
from cameras.files.tree import Identity, encode, identity
from cameras.intake.notifier import Notifications
from cameras.intake.problem_log import ProblemBook
from cameras.models import IntakeProblem
from hsi.metrics import histograms

logger = logging.getLogger(__name__)

CHECK_SECONDS = 2.0
RENEW_SECONDS = 600.0  # between tries to be told of what could not be watched
POLLED_FOR_SECONDS = 600.0  # a folder is scanned this long after notices of it were missed
CONFIRM_SECONDS = 1.0  # a folder that has just appeared is not watched yet
Kind = IntakeProblem.Kind


class Coverage:
    """One loop owns it. `now` is a monotonic time in seconds; folders are path text, "" the root."""

    def __init__(self, root: Path, notifications: Notifications, book: ProblemBook) -> None:
        self._root = root
        self._notifications = notifications
        self._book = book
        self._identities: dict[str, Identity] = {}
        self._unwatched: set[str] = set()
        self._suspects: set[str] = set()
        self._confirm_at = float("inf")
        self._check_at = 0.0
        self._renew_at = 0.0
        self._polled: dict[str, float] = {}

    def begin(self, now: float) -> None:
        """Notices were asked for anew: what was known of them is of no use any more."""
        self._identities = self._seen()
        self._suspects, self._unwatched = set(), set()
        self._confirm_at, self._renew_at = float("inf"), now + RENEW_SECONDS

    def expect(self, folder: str) -> None:
        """A notice told of this folder: that it is another one than before is no surprise."""
        self._identities.pop(folder, None)

    def look(self, now: float) -> tuple[list[str], bool]:
        """(folders that appeared untold, whether notices must be asked for anew), every few seconds.

        Raises `OSError` when the root cannot be read.
        """
        if now < self._check_at:
            return [], False
        self._check_at = now + CHECK_SECONDS
        seen, known = self._seen(), self._identities
        self._identities = seen
        replaced = [folder for folder, which in seen.items() if known.get(folder, which) != which]
        if replaced:
            logger.warning("%s is another folder than before: notifications begin anew", replaced[0] or "camera folder")
            return [], self._notifications.come
        if self._confirm_at <= now:
            self._confirm(now)
        renew = bool(self._unwatched or not self._notifications.come) and self._renew_at <= now
        return [folder for folder in seen if folder not in known and folder], renew

    def scanned(self, folders: set[str], now: float) -> None:
        """A scan of everything met these folders."""
        self._suspects = self._notifications.unwatched(folders)
        self._confirm_at = now + CONFIRM_SECONDS if self._suspects else float("inf")
        if not self._suspects and self._unwatched:
            self._unwatched = set()
            self._tell()

    def missed(self, path: str, now: float) -> None:
        """A scan found a file that a notice should have told of."""
        folder = path.partition("/")[0]
        histograms.count(histograms.NOTICES_MISSED)
        self._book.note(Kind.MISSED, path)
        self._polled[folder] = now + POLLED_FOR_SECONDS

    def polled(self, now: float) -> list[str]:
        """The folders to scan in place of notices."""
        for folder in [folder for folder, until in self._polled.items() if until <= now]:
            del self._polled[folder]
            self._book.clear(Kind.MISSED, folder)
        tops = {folder for folder in self._unwatched if not any(above in self._unwatched for above in _above(folder))}
        return sorted(tops | self._polled.keys())

    def _confirm(self, now: float) -> None:
        self._confirm_at = float("inf")
        self._unwatched = self._notifications.unwatched(self._suspects)
        self._tell()

    def _tell(self) -> None:
        found = ProblemBook()
        for folder in sorted(self._unwatched):
            found.note(Kind.UNWATCHED, folder, "they are scanned instead; the system's limit may be reached")
        self._book.replace([Kind.UNWATCHED], found)

    def _seen(self) -> dict[str, Identity]:
        """The root and the folders right below it, and which they are."""
        seen = {"": identity(self._root.stat())}
        with os.scandir(os.fsencode(self._root)) as entries:
            for entry in entries:
                name = encode(entry.name)
                if is_system(name):
                    continue
                try:
                    if entry.is_dir(follow_symlinks=False):
                        # Not what the folder's own entry says: that is of the folder below a mount.
                        seen[name] = identity(Path(os.fsdecode(entry.path)).lstat())
                except OSError:
                    continue
        return seen


def _above(folder: str) -> list[str]:
    parts = folder.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts))] + ([""] if folder else [])
