"""Keep the files of the system private to the user who runs it.

`restrict_umask` is called at the start of a process, so that new files are private. `tighten` corrects the mode of
existing files. The camera folder keeps its mode, because an FTP server with its own user writes to it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)

OTHERS = 0o077
# Permissions removed from a folder above an open camera folder: other users may pass through but not list it.
_OTHERS_ON_THE_WAY = 0o066
# A closed folder protects its content, so correcting the content may take this long at most.
LONGEST_SECONDS = 2.0
# Open no file for reading, because closing the file of an SQLite database would release the locks of its connections in
# this process (https://sqlite.org/howtocorrupt.html, 2.2). Without O_PATH (macOS) there is no alternative.
_HAS_PATHS = hasattr(os, "O_PATH")
_LOOK = (os.O_PATH if _HAS_PATHS else os.O_RDONLY | os.O_NONBLOCK) | os.O_NOFOLLOW | os.O_CLOEXEC
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Folders that the system creates in the data folder. Only the data folder protects other content.
FOLDERS = ("thumbnails", "quarantine", "static", "models", "backups", "spool", "logs", "tls", "metrics")
_OF_SQLITE = ("", "-wal", "-shm", "-journal")


def restrict_umask() -> None:
    """Make new files of this process private to its user."""
    os.umask(OTHERS)


@dataclass(slots=True)
class Tightened:
    """The number of corrected files and folders, and the paths that could not be corrected."""

    closed: int = 0
    left: list[str] = field(default_factory=list)


def tighten() -> Tightened:
    """Close our files to others without following links. Close folders first to protect their content immediately."""
    result, ends_at = Tightened(), time.monotonic() + LONGEST_SECONDS
    for path in _outside():
        with _opened(os.fspath(path)) as descriptor:
            if descriptor is not None:
                _close(descriptor, path, OTHERS, result)
    with _opened(os.fspath(settings.DATA_DIR)) as descriptor:
        if descriptor is not None:
            _close_folder(descriptor, settings.DATA_DIR, result, ends_at)
    if result.closed:
        logger.info("Removed access of other users from %d files and folders", result.closed)
    if result.left:
        logger.warning("%d files or folders stay accessible to other users: %s", len(result.left), result.left[0])
    return result


def database_files() -> list[Path]:
    """Return the files of an SQLite database, which may not all exist."""
    default = settings.DATABASES["default"]
    name = str(default["NAME"])
    if not default["ENGINE"].endswith("sqlite3") or name == ":memory:":
        return []
    return [Path(name + ending) for ending in _OF_SQLITE]


def may_have(path: Path) -> int:
    """Return the permissions that others may have on `path`: none, except above an open camera folder."""
    root: Path = settings.CAMERA_ROOT
    if path == root:
        return OTHERS
    return OTHERS & ~_OTHERS_ON_THE_WAY if path in root.parents and _is_shared(root) else 0


def _is_shared(root: Path) -> bool:
    try:
        return bool(root.stat().st_mode & OTHERS)
    except OSError:
        return False


def _outside() -> Iterator[Path]:
    """Return our files outside the data folder."""
    yield from database_files()
    if settings.LOG_FILE_PATH:
        log = Path(settings.LOG_FILE_PATH).absolute()
        yield log
        yield from (log.with_name(f"{log.name}.{n}") for n in range(1, settings.LOG_FILE_BACKUP_COUNT + 1))


def _close_folder(folder: int, path: Path, result: Tightened, ends_at: float) -> None:
    """Close an open folder and, if others could or still can enter it, its content."""
    was_open = _close(folder, path, OTHERS & ~may_have(path), result)
    if not was_open and path != settings.DATA_DIR and path not in settings.CAMERA_ROOT.parents:
        return
    for name in _names(folder):
        if time.monotonic() > ends_at:
            return
        below = path / name
        with _opened(name, folder) as descriptor:
            if descriptor is None:
                continue
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                _close(descriptor, below, OTHERS, result)
            elif _is_ours(below):
                _close_folder(descriptor, below, result, ends_at)


def _names(folder: int) -> list[str]:
    """Return the names in an open folder, files first."""
    listed = os.open(".", _LIST, dir_fd=folder)
    try:
        with os.scandir(listed) as entries:
            return [entry.name for entry in sorted(entries, key=lambda entry: entry.is_dir(follow_symlinks=False))]
    finally:
        os.close(listed)


def _is_ours(folder: Path) -> bool:
    """Return whether an entry of the data folder belongs to the system."""
    if folder == settings.CAMERA_ROOT:
        return False
    first = folder.relative_to(settings.DATA_DIR).parts[0]
    return first in FOLDERS or folder in settings.CAMERA_ROOT.parents


@contextlib.contextmanager
def _opened(path: str, folder: int | None = None) -> Iterator[int | None]:
    """Open a regular file or folder of ours, or return None."""
    try:
        descriptor = os.open(path, _LOOK, dir_fd=folder)
    except OSError:
        yield None
        return
    try:
        mode = os.fstat(descriptor).st_mode
        yield descriptor if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else None
    finally:
        os.close(descriptor)


def _close(descriptor: int, path: Path, bits: int, result: Tightened) -> bool:
    """Remove `bits` from a file or folder. Return whether it had any of them."""
    status = os.fstat(descriptor)
    if not status.st_mode & bits:
        return False
    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:  # it may belong to another user under a second name
        result.left.append(f"{path} has a second name")
        return True
    try:
        mode = stat.S_IMODE(status.st_mode) & ~bits
        if _HAS_PATHS:
            os.chmod(f"/proc/self/fd/{descriptor}", mode)  # noqa: PTH101 (the opened file, also after a rename)
        else:
            os.fchmod(descriptor, mode)
        result.closed += 1
    except OSError as error:
        result.left.append(f"{path}: {error.strerror}")
    return True
