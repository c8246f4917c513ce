"""Walk the files below the camera root. As in `cameras.files.tree`, no link is followed.

An unreadable entry does not hide the others.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from cameras.files.paths import MAX_DEPTH, OutsideTreeError, encode_path

logger = logging.getLogger(__name__)

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# The range of a BIGINT. File systems store times from before year 1 to after year 30000.
_EARLIEST_NS, _LATEST_NS = -(2**63), 2**63 - 1

Identity = tuple[int, int]
Stamp = tuple[int, int]


class TooDeepError(OutsideTreeError):
    """The folder is deeper than scans go."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file. `path` is the path text below the root."""

    path: str
    size: int
    mtime_ns: int


def identity(status: os.stat_result) -> Identity:
    """Return (device, inode), which identify a file or folder independently of its name."""
    return status.st_dev, status.st_ino


def stamp(status: os.stat_result) -> Stamp:
    """Return (size in bytes, mtime in ns). The mtime is limited to what a database can store."""
    return status.st_size, min(max(status.st_mtime_ns, _EARLIEST_NS), _LATEST_NS)


class Visitor:
    """Hooks of a walk. This one enters every folder and logs what is skipped."""

    def should_enter(self, name: str) -> bool:
        """Return whether to enter folders with this name."""
        return True

    def on_folder(self, path: str, status: os.stat_result) -> None:
        """The walk is about to enter a folder ("": the root)."""

    def on_skipped(self, path: str, error: OSError | OutsideTreeError) -> None:
        """A folder or file cannot be read. An entry that has just vanished is not reported."""
        logger.warning("%s is skipped: %s", path, error)


def walk(descriptor: int, prefix: str, depth: int, visitor: Visitor) -> Iterator[Entry]:
    """Yield the files below an open folder, and close it. `prefix` ends with a slash."""
    try:
        visitor.on_folder(prefix.rstrip("/"), os.fstat(descriptor))
        with os.scandir(descriptor) as entries:
            for entry in entries:
                path = prefix + encode_path(os.fsencode(entry.name))
                if _is_folder(entry):
                    if visitor.should_enter(entry.name):
                        yield from _walk_below(descriptor, entry.name, path, depth + 1, visitor)
                elif (file := _regular_file(entry, path, visitor)) is not None:
                    yield file
    except OSError as error:
        report_skipped(visitor, prefix.rstrip("/"), error)
    finally:
        os.close(descriptor)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _walk_below(parent: int, name: str, path: str, depth: int, visitor: Visitor) -> Iterator[Entry]:
    if depth > MAX_DEPTH:
        visitor.on_skipped(path, TooDeepError(f"deeper than {MAX_DEPTH} levels"))
        return
    try:
        descriptor = open_folder(parent, os.fsencode(name))
    except (OSError, OutsideTreeError) as error:
        report_skipped(visitor, path, error)
        return
    yield from walk(descriptor, f"{path}/", depth, visitor)


def _regular_file(entry: os.DirEntry[str], path: str, visitor: Visitor) -> Entry | None:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        report_skipped(visitor, path, error)
        return None
    return Entry(path, *stamp(status)) if stat.S_ISREG(status.st_mode) else None


def report_skipped(visitor: Visitor, path: str, error: OSError | OutsideTreeError) -> None:
    """Report an unreadable entry, unless it has vanished since it was listed."""
    if not isinstance(error, FileNotFoundError):
        visitor.on_skipped(path, error)


def open_folder(parent: int, name: bytes) -> int:
    """Open a folder inside an open folder. Raise `OutsideTreeError` if it is not a folder."""
    try:
        return os.open(name, FOLDER_FLAGS, dir_fd=parent)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            raise OutsideTreeError("a component of the path is not a folder") from error
        raise
