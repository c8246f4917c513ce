"""What scans look at: the files below the camera root that may be a camera's and have no row yet."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from cameras.files.ignored_names import is_passed_over, is_system
from cameras.files.tree import Entry, OutsideTreeError, Tree, Visitor
from cameras.files.walk import TooDeepError
from cameras.intake.problem_log import ProblemBook
from cameras.media import formats
from cameras.models import GONE, Garbage, IntakeProblem, Upload, version_key

Kind = IntakeProblem.Kind
# What every full scan finds anew.
SCANNED = (Kind.UNREADABLE_FOLDER, Kind.UNKNOWN, Kind.TOO_DEEP)


class Quiet(Visitor):
    """For pages: the watcher tells what cannot be looked at."""

    def enters(self, name: str) -> bool:
        return not is_system(name)

    def passed_over(self, path: str, error: OSError | OutsideTreeError) -> None:
        return


class Survey(Visitor):
    """Gathers the folders of a scan, and what it could not look at."""

    def __init__(self, book: ProblemBook) -> None:
        self.book = book
        self.folders: set[str] = set()

    def enters(self, name: str) -> bool:
        return not is_system(name)

    def folder(self, path: str, status: os.stat_result) -> None:
        self.folders.add(path)

    def passed_over(self, path: str, error: OSError | OutsideTreeError) -> None:
        if isinstance(error, TooDeepError):
            self.book.note(Kind.TOO_DEEP, path)
        elif isinstance(error, OSError):
            self.book.note(Kind.UNREADABLE_FOLDER, path, error.strerror or str(error))

    def files(self, tree: Tree, below: str) -> Iterator[Entry]:
        """Files that may be taken in. Those of a kind that is not known stay where they are, and are counted."""
        for entry in tree.walk(below, self):
            if "/" not in entry.path or is_passed_over(entry.path):
                continue
            if is_understood(entry.path):
                yield entry
            else:
                self.book.note(Kind.UNKNOWN, entry.path)


def is_understood(path: str) -> bool:
    """Whether a file of this name may be a picture or a clip. Any other may be renamed yet, and is left alone."""
    return formats.kind_of(path) is not None


def files_of(tree: Tree, folder: str) -> Iterator[Entry]:
    """The files below `folder` that a scan would look at, for a page that shows them."""
    return Survey(ProblemBook()).files(tree, folder)


def unknown(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Those files whose version has no row, rejected ones that still are where they were, and those that came back.

    A file whose row was deleted is garbage until it is unlinked. It is asked for after the rows, or it could
    slip through between.
    """
    keyed = {version_key(e.path, e.size, e.mtime_ns): e for e in entries}
    rows = Upload.objects.filter(version_key__in=keyed)
    settled = rows.exclude(state=Upload.State.REJECTED).exclude(state=Upload.State.DEAD, reason__startswith=GONE)
    known = set(settled.values_list("version_key", flat=True))
    known.update(Garbage.objects.filter(version_key__in=keyed.keys() - known).values_list("version_key", flat=True))
    return (entry for key, entry in keyed.items() if key not in known)
