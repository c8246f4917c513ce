"""Write below the camera root. As in `cameras.files.tree`, no name leads out of it and no link is followed.

A file appears under its name completely or not at all: it is written to a temporary name, which the watcher ignores,
fsynced and renamed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from typing import BinaryIO

from cameras.files.paths import OutsideTreeError, decode_path, encode_path
from cameras.files.tree import Tree

PARTIAL_NAME = (".http-", ".part")  # prefix and suffix of a file that is being written
_NEW_FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def make_folder(tree: Tree, folder: str) -> None:
    """Create `folder` and its missing parents. Raise `OutsideTreeError` if a name is not a folder."""
    parent, _, name = folder.rpartition("/")
    if parent:
        make_folder(tree, parent)
    is_new = False
    with tree.folder(parent) as descriptor, contextlib.suppress(FileExistsError):
        os.mkdir(decode_path(name), dir_fd=descriptor)
        is_new = True
    with tree.folder(folder) as descriptor:  # opening it proves that it is a folder
        if is_new:
            os.fchmod(descriptor, root_mode(tree))


def root_mode(tree: Tree) -> int:
    """Return the permissions of the root. New files and folders get them too, so that other programs can use them."""
    return stat.S_IMODE(tree.root.stat().st_mode)


def remove_folder(tree: Tree, folder: str) -> None:
    """Delete a folder that contains only empty folders. Raise `OSError` (ENOTEMPTY) if it contains a file."""
    with tree.folder(folder) as descriptor, os.scandir(descriptor) as entries:
        children = [os.fsencode(entry.name) for entry in entries if entry.is_dir(follow_symlinks=False)]
    for child in children:
        remove_folder(tree, f"{folder}/{encode_path(child)}")
    parent, _, name = folder.rpartition("/")
    with tree.folder(parent) as descriptor:
        os.rmdir(decode_path(name), dir_fd=descriptor)


def check_writable(tree: Tree, folder: str) -> None:
    """Write a file that the watcher ignores to `folder`, and delete it. Raise `OSError` if that fails."""
    name = f"{PARTIAL_NAME[0]}{secrets.token_hex(8)}{PARTIAL_NAME[1]}"
    with tree.folder(folder) as descriptor:
        with os.fdopen(os.open(name, _NEW_FILE_FLAGS, 0o644, dir_fd=descriptor), "wb") as file:
            file.write(b"\0")
        os.unlink(name, dir_fd=descriptor)


class PartialFile:
    """A new file in `folder` with a temporary name until `place`. `discard` is safe at any time."""

    def __init__(self, tree: Tree, folder: str) -> None:
        self._tree, self._folder = tree, folder
        self._name = f"{PARTIAL_NAME[0]}{secrets.token_hex(8)}{PARTIAL_NAME[1]}"
        with tree.folder(folder) as descriptor:
            self.file: BinaryIO = os.fdopen(os.open(self._name, _NEW_FILE_FLAGS, 0o600, dir_fd=descriptor), "wb")
        os.fchmod(self.file.fileno(), root_mode(tree) & 0o666)
        self._placed = False

    def place(self, path: str) -> tuple[int, int]:
        """Fsync the file and rename it to `path`, whose folder must exist. Return (size, mtime in ns)."""
        self.file.flush()
        os.fsync(self.file.fileno())
        status = os.fstat(self.file.fileno())
        self.file.close()
        folder, _, name = path.rpartition("/")
        with self._tree.folder(self._folder) as source, self._tree.folder(folder) as target:
            os.rename(self._name, decode_path(name), src_dir_fd=source, dst_dir_fd=target)
            self._placed = True
            os.fsync(target)
        return status.st_size, status.st_mtime_ns

    def discard(self) -> None:
        """Close the file, and delete it unless it was placed."""
        self.file.close()
        if not self._placed:
            self._placed = True
            with contextlib.suppress(OSError, OutsideTreeError), self._tree.folder(self._folder) as descriptor:
                os.unlink(self._name, dir_fd=descriptor)
