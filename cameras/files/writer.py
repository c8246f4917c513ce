"""Writing below the camera root, under the rules of `cameras.files.tree`: no name leads out, no link is followed.

A file appears under its name whole or not at all: it is written under a temporary name, which the
watcher passes over, brought to the disk, and renamed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from typing import BinaryIO

from cameras.files.tree import OutsideTreeError, Tree, decode, encode

PARTIAL = (".http-", ".part")  # how the name of a file that is being written begins and ends
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def make_folder(tree: Tree, folder: str) -> None:
    """Make `folder` and those above it where they are missing. Raises `OutsideTreeError` where a name is no folder."""
    above, _, name = folder.rpartition("/")
    if above:
        make_folder(tree, above)
    made = False
    with tree.folder(above) as descriptor, contextlib.suppress(FileExistsError):
        os.mkdir(decode(name), dir_fd=descriptor)
        made = True
    with tree.folder(folder) as descriptor:  # it could be opened, so it is one
        if made:
            os.fchmod(descriptor, mode_of(tree))


def mode_of(tree: Tree) -> int:
    """The permissions of the root. What is made below it has them too: others may bring files there, or fetch them."""
    return stat.S_IMODE(tree.root.stat().st_mode)


def remove_folder(tree: Tree, folder: str) -> None:
    """Remove a folder that holds nothing but empty folders. Raises `OSError` (ENOTEMPTY) where it holds anything."""
    with tree.folder(folder) as descriptor, os.scandir(descriptor) as entries:
        below = [os.fsencode(entry.name) for entry in entries if entry.is_dir(follow_symlinks=False)]
    for name in below:
        remove_folder(tree, f"{folder}/{encode(name)}")
    above, _, name_text = folder.rpartition("/")
    with tree.folder(above) as descriptor:
        os.rmdir(decode(name_text), dir_fd=descriptor)


def try_writing(tree: Tree, folder: str) -> None:
    """Write a file to `folder`, under a name that the watcher passes over, and remove it. Raises `OSError`."""
    name = f"{PARTIAL[0]}{secrets.token_hex(8)}{PARTIAL[1]}"
    with tree.folder(folder) as descriptor:
        with os.fdopen(os.open(name, _NEW, 0o644, dir_fd=descriptor), "wb") as file:
            file.write(b"\0")
        os.unlink(name, dir_fd=descriptor)


class Partial:
    """A new file in `folder`, under a temporary name until it is placed. `discard` is safe at any time."""

    def __init__(self, tree: Tree, folder: str) -> None:
        self._tree, self._folder = tree, folder
        self._name = f"{PARTIAL[0]}{secrets.token_hex(8)}{PARTIAL[1]}"
        with tree.folder(folder) as descriptor:
            self.file: BinaryIO = os.fdopen(os.open(self._name, _NEW, 0o600, dir_fd=descriptor), "wb")
        os.fchmod(self.file.fileno(), mode_of(tree) & 0o666)
        self._placed = False

    def place(self, path: str) -> tuple[int, int]:
        """Bring it to the disk and give it the name `path`, whose folder is there; its (size, mtime in ns)."""
        self.file.flush()
        os.fsync(self.file.fileno())
        status = os.fstat(self.file.fileno())
        self.file.close()
        folder, _, name = path.rpartition("/")
        with self._tree.folder(self._folder) as source, self._tree.folder(folder) as target:
            os.rename(self._name, decode(name), src_dir_fd=source, dst_dir_fd=target)
            self._placed = True
            os.fsync(target)
        return status.st_size, status.st_mtime_ns

    def discard(self) -> None:
        """Close and remove it, unless it was placed."""
        self.file.close()
        if not self._placed:
            self._placed = True
            with contextlib.suppress(OSError, OutsideTreeError), self._tree.folder(self._folder) as descriptor:
                os.unlink(self._name, dir_fd=descriptor)
