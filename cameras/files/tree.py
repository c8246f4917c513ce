"""The files below a root, opened so that no name can lead out of it.

Every path is opened component by component without following links. The kernel refuses a link at the moment of opening,
so there is no gap between a check and its use.
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

from cameras.files.paths import OutsideTreeError, decode_path, encode_path
from cameras.files.walk import (
    FOLDER_FLAGS,
    Entry,
    Identity,
    Stamp,
    Visitor,
    identity,
    open_folder,
    report_skipped,
    stamp,
    walk,
)
from hsi.errors import HSIError

# O_NONBLOCK: opening a FIFO without a writer would block for ever.
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_COPY_CHUNK_BYTES = 1024 * 1024


class NotAFileError(OutsideTreeError):
    """There is something with this name, but it is not a regular file."""


class ReplacedError(HSIError):
    """The file was replaced or written to in the meantime."""

    code = "FILE_REPLACED"


class HardLinkedError(HSIError):
    """The file has a second name (hard link), so it is not read. Copy it into the camera's folder instead.

    A user could link a file that they may not read, to read it through this system.
    """

    code = "FILE_LINKED"
    status = 404
    # Retryable: a writer that renames by linking leaves two names for a moment.

    def __init__(self, status_of_file: os.stat_result) -> None:
        super().__init__()
        self.status_of_file = status_of_file


class Tree:
    """A root folder and the files below it. Paths are path text (see `paths.encode_path`).

    A path that leads outside raises `OutsideTreeError`, a missing file `FileNotFoundError`. Other `OSError`s, such as
    missing permissions or an unavailable share, pass through. Trying again may help then.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def open(self, relative: str) -> BinaryIO:
        """Open a regular file for reading. Never block. Raise `HardLinkedError` if it has a second name."""
        with self._parent(relative) as (folder, name):
            return _open_regular(folder, name)

    def stamp(self, relative: str) -> Stamp | None:
        """Return the current (size in bytes, mtime in ns), or None if it is gone or not a regular file."""
        try:
            with self._parent(relative) as (folder, name):
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except (FileNotFoundError, OutsideTreeError):
            return None
        return stamp(status) if stat.S_ISREG(status.st_mode) else None

    def folders(self) -> list[str]:
        """Return the folders right below the root, sorted. Raise `OSError` if the root cannot be read."""
        with os.scandir(os.fsencode(self.root)) as entries:
            return sorted(encode_path(entry.name) for entry in entries if entry.is_dir(follow_symlinks=False))

    def walk(self, below: str = "", visitor: Visitor | None = None) -> Generator[Entry]:
        """Yield every regular file below `below`, without following links.

        Unreadable entries and too deep folders are reported to `visitor` and skipped. Raise only if the root cannot be
        opened, because an unavailable share is not an empty one.
        """
        visitor = visitor or Visitor()
        parts = _components(below) if below else []
        try:
            start = self._descend(parts)
        except (FileNotFoundError, PermissionError, OutsideTreeError) as error:
            if not parts:
                raise
            report_skipped(visitor, below, error)
            return
        yield from walk(start, f"{below}/" if below else "", len(parts), visitor)

    def move(self, relative: str, destination: Path, *, only: Identity | None = None) -> None:
        """Move a file out of the tree atomically, without overwriting `destination`.

        Raise `ReplacedError` with nothing moved if the file is not `only`, or changes meanwhile. Raise
        `FileExistsError` if `destination` exists.
        """
        destination.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(destination):
            raise FileExistsError(errno.EEXIST, "exists already", str(destination))
        with self._parent(relative) as (folder, name), _open_regular(folder, name) as file:
            _require_identity(os.fstat(file.fileno()), only)
            try:
                os.rename(name, os.fsencode(destination), src_dir_fd=folder)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                _copy_then_unlink(file, folder, name, destination)
        _sync_folder(destination.parent)

    def remove(self, relative: str, *, only: Identity | None = None) -> None:
        """Delete a regular file. Raise `ReplacedError` if it is not `only`."""
        with self._parent(relative) as (folder, name):
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode):
                raise NotAFileError
            _require_identity(status, only)
            os.unlink(name, dir_fd=folder)

    def folder(self, relative: str) -> contextlib.AbstractContextManager[int]:
        """Open the folder at `relative` ("": the root) and return its descriptor as a context manager."""
        return self._open(_components(relative) if relative else [])

    @contextlib.contextmanager
    def _parent(self, relative: str) -> Iterator[tuple[int, bytes]]:
        """Yield (descriptor of the folder, name in it) of a path."""
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
        # The root itself may be a link, because the operator chose it.
        descriptor = os.open(self.root, FOLDER_FLAGS & ~os.O_NOFOLLOW)
        for folder in folders:
            try:
                below = open_folder(descriptor, folder)
            finally:
                os.close(descriptor)
            descriptor = below
        return descriptor


def _components(relative: str) -> list[bytes]:
    parts = decode_path(relative).split(b"/")
    if any(part in (b"", b".", b"..") or b"\0" in part for part in parts):
        raise OutsideTreeError
    return parts


def _open_regular(parent: int, name: bytes) -> BinaryIO:
    try:
        descriptor = os.open(name, _FILE_FLAGS, dir_fd=parent)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link; a socket
            raise NotAFileError from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotAFileError
    return _reject_hard_link(os.fdopen(descriptor, "rb"))


def _reject_hard_link(file: BinaryIO) -> BinaryIO:
    """Return an open file. If it has a second name, close it and raise `HardLinkedError`.

    The open file is checked and not its name, because the name could change in between.
    """
    status = os.fstat(file.fileno())
    if status.st_nlink > 1:
        file.close()
        raise HardLinkedError(status)
    return file


def _require_identity(status: os.stat_result, only: Identity | None) -> None:
    if only is not None and identity(status) != only:
        raise ReplacedError


def _copy_then_unlink(file: BinaryIO, folder: int, name: bytes, destination: Path) -> None:
    """Move across file systems: copy to a temporary name, rename the copy, then delete the file."""
    before = os.fstat(file.fileno())
    temporary = destination.parent / f".{secrets.token_hex(8)}.part"
    try:
        with temporary.open("xb") as copy:
            shutil.copyfileobj(file, copy, _COPY_CHUNK_BYTES)
            copy.flush()
            with contextlib.suppress(OverflowError):  # a time that this file system cannot store
                os.utime(copy.fileno(), ns=(before.st_atime_ns, before.st_mtime_ns))
            os.fsync(copy.fileno())
        now = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise ReplacedError
        _require_identity(now, identity(before))
        temporary.rename(destination)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    os.unlink(name, dir_fd=folder)


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to. Rename it to `path` after the block. Create the folder if needed.

    Several processes may write the same file at once. The last one wins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
