"""The files below the camera root, reached so that no name can lead out of it.

Every path is opened component by component without following a link, so that a link put there at any
moment is refused by the kernel, not by a check before the fact.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO

from cameras.files.hard_links import with_one_name
from cameras.files.path_text import OutsideTreeError, decode, encode
from cameras.files.walk import FOLDER, Entry, Identity, Stamp, Visitor, identity, open_folder, stamp, tell, walk
from hsi.errors import HSIError

__all__ = [
    "Entry", "Identity", "NotAFileError", "OutsideTreeError", "ReplacedError", "Stamp", "Tree", "Visitor", "decode",
    "encode", "identity", "stamp", "written_whole",
]  # fmt: skip

# O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_COPY_CHUNK_BYTES = 1024 * 1024


class NotAFileError(OutsideTreeError):
    """There is something of this name, but it is no ordinary file."""


class ReplacedError(HSIError):
    """Another file has taken this name, or it was written to, meanwhile."""

    code = "FILE_REPLACED"


class Tree:
    """The camera root. Paths are path text (see `encode`) below it.

    What cannot be reached raises `OutsideTreeError`; a file that is gone raises `FileNotFoundError`;
    other `OSError`s (permissions, a share that went away) pass through and are worth a retry.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def open(self, relative: str) -> BinaryIO:
        """The regular file at `relative`, for reading. Never blocks on what is no file. Raises `HardLinkedError`."""
        with self._parent(relative) as (folder, name):
            return _open_regular(folder, name)

    def stamp(self, relative: str) -> Stamp | None:
        """(size in bytes, mtime in ns) as it is now; None when it is gone or is no regular file."""
        try:
            with self._parent(relative) as (folder, name):
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except (FileNotFoundError, OutsideTreeError):
            return None
        return stamp(status) if stat.S_ISREG(status.st_mode) else None

    def folders(self) -> list[str]:
        """The folders right below the root, in order. Raises `OSError` when the root cannot be read."""
        with os.scandir(os.fsencode(self.root)) as entries:
            return sorted(encode(entry.name) for entry in entries if entry.is_dir(follow_symlinks=False))

    def walk(self, below: str = "", visitor: Visitor | None = None) -> Generator[Entry]:
        """Every regular file below `below`, as it is met; links are not followed.

        What cannot be looked at is told to `visitor` and passed over, as are folders that are too deep.
        Only a root that cannot be opened raises: an absent share is not an empty one.
        """
        visitor = visitor or Visitor()
        parts = _components(below) if below else []
        try:
            start = self._descend(parts)
        except (FileNotFoundError, PermissionError, OutsideTreeError) as error:
            if not parts:
                raise
            tell(visitor, below, error)
            return
        yield from walk(start, f"{below}/" if below else "", len(parts), visitor)

    def move(self, relative: str, destination: Path, *, only: Identity | None = None) -> None:
        """Move a file out of the tree. `destination` is there whole or not at all, and never overwritten.

        Raises `ReplacedError`, with nothing moved, when the file is not `only`, or changes meanwhile;
        `FileExistsError` when `destination` exists.
        """
        destination.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(destination):
            raise FileExistsError(errno.EEXIST, "exists already", str(destination))
        with self._parent(relative) as (folder, name), _open_regular(folder, name) as file:
            _require(os.fstat(file.fileno()), only)
            try:
                os.rename(name, os.fsencode(destination), src_dir_fd=folder)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                _copy_then_unlink(file, folder, name, destination)
        _sync_folder(destination.parent)

    def remove(self, relative: str, *, only: Identity | None = None) -> None:
        """Delete a regular file. Raises `ReplacedError` when it is not `only`."""
        with self._parent(relative) as (folder, name):
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode):
                raise NotAFileError
            _require(status, only)
            os.unlink(name, dir_fd=folder)

    def folder(self, relative: str) -> contextlib.AbstractContextManager[int]:
        """A descriptor of the folder at `relative` ("": the root), reached through no link."""
        return self._open(_components(relative) if relative else [])

    @contextlib.contextmanager
    def _parent(self, relative: str) -> Iterator[tuple[int, bytes]]:
        """(descriptor of the folder, name in it) of a path."""
        *folders, name = _components(relative)
        with self._open(folders) as descriptor:
            yield descriptor, name

    @contextlib.contextmanager
    def _open(self, folders: list[bytes]) -> Iterator[int]:
        descriptor = self._descend(folders)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _descend(self, folders: list[bytes]) -> int:
        # The root itself may be a link: the operator chose it.
        descriptor = os.open(self.root, FOLDER & ~os.O_NOFOLLOW)
        for folder in folders:
            try:
                below = open_folder(descriptor, folder)
            finally:
                os.close(descriptor)
            descriptor = below
        return descriptor


def _components(relative: str) -> list[bytes]:
    parts = decode(relative).split(b"/")
    if any(part in (b"", b".", b"..") or b"\0" in part for part in parts):
        raise OutsideTreeError
    return parts


def _open_regular(parent: int, name: bytes) -> BinaryIO:
    try:
        descriptor = os.open(name, _FILE, dir_fd=parent)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link; a socket
            raise NotAFileError from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotAFileError
    return with_one_name(os.fdopen(descriptor, "rb"))


def _require(status: os.stat_result, only: Identity | None) -> None:
    if only is not None and identity(status) != only:
        raise ReplacedError


def _copy_then_unlink(file: BinaryIO, folder: int, name: bytes, destination: Path) -> None:
    """Move across file systems: a whole copy under a temporary name, then both names change."""
    before = os.fstat(file.fileno())
    temporary = destination.parent / f".{secrets.token_hex(8)}.part"
    try:
        with temporary.open("xb") as copy:
            shutil.copyfileobj(file, copy, _COPY_CHUNK_BYTES)
            copy.flush()
            with contextlib.suppress(OverflowError):  # a time that this file system cannot hold
                os.utime(copy.fileno(), ns=(before.st_atime_ns, before.st_mtime_ns))
            os.fsync(copy.fileno())
        now = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise ReplacedError
        _require(now, identity(before))
        temporary.rename(destination)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    os.unlink(name, dir_fd=folder)


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield where to write what shall be at `path`, in a file of ours: there whole or not at all.

    Two may write the same file at once: each has a place of its own, and the last one stays. The folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_suffix(f".{secrets.token_hex(4)}.tmp")
    try:
        yield made
        made.replace(path)
    except BaseException:
        made.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
