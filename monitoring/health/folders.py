"""Health of the camera folder: it is readable, and a test file can be written and removed."""

from __future__ import annotations

import os
from concurrent.futures import Future
from dataclasses import dataclass, field

from django.conf import settings
from health_check.exceptions import ServiceWarning

from cameras.files.paths import OutsideTreeError, decode_path, is_system
from cameras.files.tree import Tree
from cameras.files.writer import check_writable
from monitoring.health.checks import CachedProbe, NamedCheck

# Time limit for a network share that hangs.
ANSWER_SECONDS = 5.0
FOLDERS_LOOKED_AT, FOLDERS_NAMED = 1000, 5
_probe = CachedProbe[None]()


class ClosedFoldersError(Exception):
    """Camera folders cannot be read."""


class NotWritableError(Exception):
    """A readable folder cannot be written."""


@dataclass
class CameraFolderCheck(NamedCheck):
    """Checks the probe result `answer`, of the camera folder and the most recently changed folder in it."""

    name: str = "camera_folder"
    answer: Future[None] = field(default_factory=Future, repr=False)

    def run(self) -> None:
        try:
            error = self.answer.exception(ANSWER_SECONDS)
        except TimeoutError as late:
            raise ServiceWarning(f"The camera folder did not respond within {ANSWER_SECONDS:g} s.") from late
        if isinstance(error, ClosedFoldersError):
            raise ServiceWarning(str(error)) from error.__cause__
        if isinstance(error, NotWritableError):
            raise ServiceWarning(f"{error} HTTP uploads are refused, and files cannot be removed.") from error.__cause__
        if error is not None:
            raise ServiceWarning("The camera folder does not exist or cannot be read.") from error
        self.detail = "Readable and writable."


def folder_check(cache: CachedProbe[None] | None = None) -> CameraFolderCheck:
    """Return the check with the result of `cache`, or of the probe of this process."""
    root = settings.CAMERA_ROOT
    return CameraFolderCheck(answer=(cache or _probe).start(lambda: probe(Tree(root)), root))


def probe(tree: Tree) -> None:
    """Read the camera folder and the folders in it, and write to it and to one of them.

    Raises OSError, ClosedFoldersError and NotWritableError.
    """
    folders = [name for name in tree.folders() if not is_system(name)]
    _require_open(tree, folders)
    folder = _changed_last(tree, folders)
    try:
        check_writable(tree, "")
    except (OSError, OutsideTreeError) as error:
        raise NotWritableError("The camera folder is not writable.") from error
    try:
        if folder:
            check_writable(tree, folder)
    except (OSError, OutsideTreeError) as error:
        raise NotWritableError("The folder of a camera is not writable.") from error


def _require_open(tree: Tree, folders: list[str]) -> None:
    """Raise ClosedFoldersError if a camera folder cannot be read."""
    closed = [folder for folder in folders[:FOLDERS_LOOKED_AT] if _is_closed(tree, folder)]
    if closed:
        words = "1 camera folder cannot be read. Its files wait."
        if len(closed) > 1:
            words = f"{len(closed)} camera folders cannot be read. Their files wait."
        raise ClosedFoldersError(words) from PermissionError(", ".join(closed[:FOLDERS_NAMED]))


def _is_closed(tree: Tree, folder: str) -> bool:
    try:
        with tree.folder(folder) as descriptor:
            os.scandir(descriptor).close()
    except PermissionError:
        return True
    except (OSError, OutsideTreeError):  # it was removed meanwhile
        return False
    return False


def _changed_last(tree: Tree, folders: list[str]) -> str:
    """Return the most recently changed camera folder, or "". Raises OSError."""
    times = {name: (tree.root / os.fsdecode(decode_path(name))).stat().st_mtime_ns for name in folders}
    return max(folders, key=lambda name: times[name], default="")
