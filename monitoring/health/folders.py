"""Whether files can come into the camera folder and go: one is written and removed, as uploads and retention do it."""

from __future__ import annotations

import os
from concurrent.futures import Future
from dataclasses import dataclass, field

from django.conf import settings
from health_check.exceptions import ServiceWarning

from cameras.files.paths import OutsideTreeError, decode_path, is_system
from cameras.files.tree import Tree
from cameras.files.writer import check_writable
from monitoring.health.cached_result import Asked
from monitoring.health.checks import NamedCheck

# A share that hangs is not waited for.
ANSWER_SECONDS = 5.0
FOLDERS_LOOKED_AT, FOLDERS_NAMED = 1000, 5
_probe = Asked[None]()


class ClosedFoldersError(Exception):
    """Folders of cameras cannot be read, so that what is in them waits."""


class NotWritableError(Exception):
    """A folder can be read, and nothing can be written to it."""


@dataclass
class CameraFolderCheck(NamedCheck):
    """The camera folder, and the folder in it that changed last; the `answer` is on its way."""

    name: str = "camera_folder"
    answer: Future[None] = field(default_factory=Future, repr=False)

    def run(self) -> None:
        try:
            error = self.answer.exception(ANSWER_SECONDS)
        except TimeoutError as late:
            raise ServiceWarning(f"The camera folder did not answer within {ANSWER_SECONDS:g} s.") from late
        if isinstance(error, ClosedFoldersError):
            raise ServiceWarning(str(error)) from error.__cause__
        if isinstance(error, NotWritableError):
            raise ServiceWarning(
                f"{error} Files sent by HTTP are refused, and none can be removed."
            ) from error.__cause__
        if error is not None:
            raise ServiceWarning("The camera folder is not there or cannot be read.") from error
        self.detail = "It can be read and written to."


def folder_check(asked: Asked[None] | None = None) -> CameraFolderCheck:
    """`asked` keeps the answer; without one it is that of this process."""
    root = settings.CAMERA_ROOT
    return CameraFolderCheck(answer=(asked or _probe).start(lambda: probe(Tree(root)), root))


def probe(tree: Tree) -> None:
    """Read the camera folder and those in it, write to it and to one in it.

    Raises OSError, or `ClosedFoldersError` and `NotWritableError` from one.
    """
    folders = [name for name in tree.folders() if not is_system(name)]
    _require_open(tree, folders)
    folder = _changed_last(tree, folders)
    try:
        check_writable(tree, "")
    except (OSError, OutsideTreeError) as error:
        raise NotWritableError("Nothing can be written to the camera folder.") from error
    try:
        if folder:
            check_writable(tree, folder)
    except (OSError, OutsideTreeError) as error:
        raise NotWritableError("Nothing can be written to a camera's folder.") from error


def _require_open(tree: Tree, folders: list[str]) -> None:
    """Raise ClosedFoldersError where the folders of cameras cannot be read."""
    closed = [folder for folder in folders[:FOLDERS_LOOKED_AT] if _is_closed(tree, folder)]
    if closed:
        words = "1 folder of a camera cannot be read, so that what is in it waits."
        if len(closed) > 1:
            words = f"{len(closed)} folders of cameras cannot be read, so that what is in them waits."
        raise ClosedFoldersError(words) from PermissionError(", ".join(closed[:FOLDERS_NAMED]))


def _is_closed(tree: Tree, folder: str) -> bool:
    try:
        with tree.folder(folder) as descriptor:
            os.scandir(descriptor).close()
    except PermissionError:
        return True
    except (OSError, OutsideTreeError):  # it went away meanwhile
        return False
    return False


def _changed_last(tree: Tree, folders: list[str]) -> str:
    """The folder of a camera that changed last, "" where there is none. Raises OSError."""
    times = {name: (tree.root / os.fsdecode(decode_path(name))).stat().st_mtime_ns for name in folders}
    return max(folders, key=lambda name: times[name], default="")
