"""What scans of the camera root look for: files that a camera may have sent, and that have no row yet."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from cameras.files.paths import OutsideTreeError, is_ignored, is_system
from cameras.files.tree import Tree
from cameras.files.walk import Entry, TooDeepError, Visitor
from cameras.intake.problem_log import ProblemLog
from cameras.media import formats
from cameras.models import FILE_GONE_REASON, Garbage, IntakeProblem, Upload, version_key

Kind = IntakeProblem.Kind
# The problems that every full scan finds again.
SCAN_PROBLEMS = (Kind.UNREADABLE_FOLDER, Kind.UNKNOWN, Kind.TOO_DEEP)


class QuietVisitor(Visitor):
    """Skips unreadable entries without logging them, for pages. The watcher reports them."""

    def should_enter(self, name: str) -> bool:
        return not is_system(name)

    def on_skipped(self, path: str, error: OSError | OutsideTreeError) -> None:
        return


class ScanVisitor(Visitor):
    """Collects the folders of a scan, and the problems it met."""

    def __init__(self, problems: ProblemLog) -> None:
        self.problems = problems
        self.folders: set[str] = set()

    def should_enter(self, name: str) -> bool:
        return not is_system(name)

    def on_folder(self, path: str, status: os.stat_result) -> None:
        self.folders.add(path)

    def on_skipped(self, path: str, error: OSError | OutsideTreeError) -> None:
        if isinstance(error, TooDeepError):
            self.problems.add(Kind.TOO_DEEP, path)
        elif isinstance(error, OSError):
            self.problems.add(Kind.UNREADABLE_FOLDER, path, error.strerror or str(error))

    def files(self, tree: Tree, below: str) -> Iterator[Entry]:
        """Yield the files that may be accepted. Files of an unknown kind are only counted."""
        for entry in tree.walk(below, self):
            if "/" not in entry.path or is_ignored(entry.path):
                continue
            if is_supported(entry.path):
                yield entry
            else:
                self.problems.add(Kind.UNKNOWN, entry.path)


def is_supported(path: str) -> bool:
    """Return whether the name is that of a picture or a clip. Other files stay, because they may be renamed."""
    return formats.kind_from_name(path) is not None


def scannable_files(tree: Tree, folder: str) -> Iterator[Entry]:
    """Yield the files below `folder` that a scan would consider, for a page that shows them."""
    return ScanVisitor(ProblemLog()).files(tree, folder)


def without_row(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Return the files that have to be accepted.

    These are files whose version has no row, rejected files that are still in their folder, and files that were gone
    and are back. A file whose row was deleted is garbage until it is unlinked. Garbage is read after the rows, because
    otherwise a file whose row is deleted in between would look new.
    """
    entry_by_key = {version_key(entry.path, entry.size, entry.mtime_ns): entry for entry in entries}
    finished = Upload.objects.filter(version_key__in=entry_by_key).exclude(state=Upload.State.REJECTED)
    finished = finished.exclude(state=Upload.State.DEAD, reason__startswith=FILE_GONE_REASON)
    known = set(finished.values_list("version_key", flat=True))
    garbage = Garbage.objects.filter(version_key__in=entry_by_key.keys() - known)
    known.update(garbage.values_list("version_key", flat=True))
    return (entry for key, entry in entry_by_key.items() if key not in known)
