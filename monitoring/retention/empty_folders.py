"""Empty folders of past days, which cameras make anew each day and nobody else removes."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator

from cameras.files.paths import MAX_DEPTH, OutsideTreeError, decode_path, encode_path
from cameras.files.tree import Tree

MIN_AGE_NS = 24 * 3600 * 10**9
# A folder that bears a date, or lies below one, is made for that date. Any other may be one that a
# camera was given once and does not make again.
DATED = re.compile(r"(?<![0-9A-Za-z])20\d\d([-_.]?(0[1-9]|1[0-2])([-_.]?[0-3]\d)?)?(?![0-9A-Za-z])")
Found = tuple[str, int]  # a folder, and when something in it last changed


def remove_empty_folders(tree: Tree, now_ns: int) -> Iterator[int]:
    """One turn a folder, from the deepest up; each gives 1 when it was removed. Never a camera's own folder.

    The age is that before the sweep, so that folders within folders go together.
    """
    try:
        cameras = tree.folders()
    except OSError:
        return
    for camera in cameras:
        for folder, changed_ns in _below(tree, camera, 1):
            old = now_ns - changed_ns > MIN_AGE_NS
            dated = DATED.search(folder.partition("/")[2]) is not None
            yield int(old and dated and _remove(tree, folder))


def _below(tree: Tree, folder: str, depth: int) -> Iterator[Found]:
    """The folders below `folder`, each after those below it."""
    if depth > MAX_DEPTH:
        return
    for found in _listed(tree, folder):
        yield from _below(tree, found[0], depth + 1)
        yield found


def _listed(tree: Tree, folder: str) -> list[Found]:
    try:
        with tree.folder(folder) as descriptor, os.scandir(descriptor) as entries:
            return sorted(
                (f"{folder}/{encode_path(os.fsencode(entry.name))}", entry.stat(follow_symlinks=False).st_mtime_ns)
                for entry in entries
                if entry.is_dir(follow_symlinks=False)
            )
    except (OSError, OutsideTreeError):
        return []


def _remove(tree: Tree, folder: str) -> bool:
    """The system refuses to remove a folder that is not empty, so nothing can come between."""
    above, _, name = folder.rpartition("/")
    try:
        with tree.folder(above) as descriptor:
            os.rmdir(decode_path(name), dir_fd=descriptor)
    except OutsideTreeError:
        return False
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS):
            return False
        raise
    return True
