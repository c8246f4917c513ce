"""Walking below the camera root, under the rules of `cameras.files.tree`: no link is followed.

One entry that cannot be looked at hides no other one.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from cameras.files.ignored_names import MAX_DEPTH
from cameras.files.path_text import OutsideTreeError, encode

logger = logging.getLogger(__name__)

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# The range of a BIGINT: file systems hold times from before year 1 to after year 30000.
_EARLIEST_NS, _LATEST_NS = -(2**63), 2**63 - 1

Identity = tuple[int, int]
Stamp = tuple[int, int]


class TooDeepError(OutsideTreeError):
    """The folder is deeper than scans look."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A regular file. `path` is the path text below the root."""

    path: str
    size: int
    mtime_ns: int


def identity(status: os.stat_result) -> Identity:
    """Which file or folder it is, whatever its name: (device, inode)."""
    return status.st_dev, status.st_ino


def stamp(status: os.stat_result) -> Stamp:
    """(size in bytes, mtime in ns), the mtime as near to its true value as a database can hold."""
    return status.st_size, min(max(status.st_mtime_ns, _EARLIEST_NS), _LATEST_NS)


class Visitor:
    """What a walk tells on its way. This one looks into every folder and logs what is passed over."""

    def enters(self, name: str) -> bool:
        """Whether to look into folders of this name."""
        return True

    def folder(self, path: str, status: os.stat_result) -> None:
        """A folder is about to be looked into ("": the root)."""

    def passed_over(self, path: str, error: OSError | OutsideTreeError) -> None:
        """A folder or file could not be looked at. One that has just vanished is not told."""
        logger.warning("%s is passed over: %s", path, error)


def walk(descriptor: int, prefix: str, depth: int, visitor: Visitor) -> Iterator[Entry]:
    """The files of one open folder, which is closed at the end, and of those below it. `prefix` ends with a slash."""
    try:
        visitor.folder(prefix.rstrip("/"), os.fstat(descriptor))
        with os.scandir(descriptor) as entries:
            for entry in entries:
                path = prefix + encode(os.fsencode(entry.name))
                if _is_folder(entry):
                    if visitor.enters(entry.name):
                        yield from _walk_below(descriptor, entry.name, path, depth + 1, visitor)
                elif (found := _regular(entry, path, visitor)) is not None:
                    yield found
    except OSError as error:
        tell(visitor, prefix.rstrip("/"), error)
    finally:
        os.close(descriptor)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _walk_below(parent: int, name: str, path: str, depth: int, visitor: Visitor) -> Iterator[Entry]:
    if depth > MAX_DEPTH:
        visitor.passed_over(path, TooDeepError(f"deeper than {MAX_DEPTH} levels: not looked at"))
        return
    try:
        descriptor = open_folder(parent, os.fsencode(name))
    except (OSError, OutsideTreeError) as error:
        tell(visitor, path, error)
        return
    yield from walk(descriptor, f"{path}/", depth, visitor)


def _regular(entry: os.DirEntry[str], path: str, visitor: Visitor) -> Entry | None:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        tell(visitor, path, error)
        return None
    return Entry(path, *stamp(status)) if stat.S_ISREG(status.st_mode) else None


def tell(visitor: Visitor, path: str, error: OSError | OutsideTreeError) -> None:
    """Tell of an entry that cannot be looked at, unless it vanished between its name and the look."""
    if not isinstance(error, FileNotFoundError):
        visitor.passed_over(path, error)


def open_folder(parent: int, name: bytes) -> int:
    """A descriptor of a folder in an open folder. Raises `OutsideTreeError` for what is none."""
    try:
        return os.open(name, FOLDER, dir_fd=parent)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            raise OutsideTreeError("a component of the path is no folder") from error
        raise
