"""Daily search for orphans, in bounded steps.

Own files without a row are deleted. Rows without a file are marked. Files of cameras without a row are no orphans,
because the scan accepts them. Empty folders of past days are deleted.
"""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db.models import Q

from cameras.files.paths import MAX_DEPTH, OutsideTreeError, decode_path, encode_path
from cameras.files.tree import Tree
from cameras.files.walk import Entry
from cameras.models import Upload

logger = logging.getLogger(__name__)

FILES, ROWS = 100, 500  # checked per step
MIN_AGE_NS = 3600 * 10**9  # a thumbnail is written before its row
STORES = {"thumbnails": 32, "quarantine": 16}  # length of the key at the start of a file name
EMPTY_FOLDER_AGE_NS = 24 * 3600 * 10**9
# A folder with a date in its path was created for that date. A camera may not create other folders again.
DATED = re.compile(r"(?<![0-9A-Za-z])20\d\d([-_.]?(0[1-9]|1[0-2])([-_.]?[0-3]\d)?)?(?![0-9A-Za-z])")
Found = tuple[str, int]  # a folder and its time of change


def sweep(now_ns: int) -> Iterator[int]:
    """Do a full sweep in steps, and yield the number of repaired orphans of each. `now_ns` is a file time."""
    for store, length in STORES.items():
        yield from _sweep_store(store, length, now_ns)
    yield from _sweep_rows()
    yield from remove_empty_folders(Tree(settings.CAMERA_ROOT), now_ns)


def _sweep_store(store: str, length: int, now_ns: int) -> Iterator[int]:
    tree = Tree(settings.DATA_DIR)
    if not (settings.DATA_DIR / store).is_dir():
        return
    entries = tree.walk(store)
    while chunk := list(islice(entries, FILES)):
        old = [entry for entry in chunk if now_ns - entry.mtime_ns > MIN_AGE_NS]
        named = _named(old, length)
        yield sum(_remove(tree, entry) for entry in old if entry.path not in named)


def _named(entries: list[Entry], length: int) -> set[str]:
    """Return the paths that a row names, found by the indexes on the key at the start of the file name.

    The key is that of the content for thumbnails, and that of the version for rejected files and older thumbnails.
    """
    keys = Q()
    for entry in entries:
        key = entry.path.rpartition("/")[2][:length]
        for column in ("version_key", "sha256"):  # "g" is greater than any hexadecimal digit
            keys |= Q(**{f"{column}__gte": key, f"{column}__lt": key + "g"})
    rows = Upload.objects.filter(keys).values_list("thumbnail", "quarantine") if entries else ()
    return {path for row in rows for path in row if path}


def _remove(tree: Tree, entry: Entry) -> bool:
    try:
        tree.remove(entry.path)
    except (OSError, OutsideTreeError) as error:
        logger.warning("%s has no row and cannot be deleted: %s", entry.path, error)
        return False
    logger.info("%s had no row and was deleted", entry.path)
    return True


def _sweep_rows() -> Iterator[int]:
    """Mark rows whose file is gone, and rows whose file is back."""
    cameras, data = Tree(settings.CAMERA_ROOT), Tree(settings.DATA_DIR)
    present = _folders(cameras)
    last = 0
    while rows := list(Upload.objects.filter(pk__gt=last).order_by("pk")[:ROWS]):
        last = rows[-1].pk
        # An unmounted share is not an empty one: without the camera folder, its files are not checked.
        seen = [row for row in rows if row.quarantine or row.path.partition("/")[0] in present]
        gone = {row.pk for row in seen if not _is_there(row, cameras, data)}
        yield _note([row for row in seen if row.file_gone != (row.pk in gone)]) + _forget_thumbnails(rows, data)


def _folders(cameras: Tree) -> set[str]:
    try:
        return set(cameras.folders())
    except OSError:
        return set()


def _is_there(row: Upload, cameras: Tree, data: Tree) -> bool:
    """Compare the size only, because a file that was copied back has another time and the same content."""
    if row.quarantine and data.stamp(row.quarantine) is not None:
        return True
    try:
        stamp = cameras.stamp(row.path)
    except OSError:  # unreadable: keep the current mark
        return not row.file_gone
    # Comparing the content of all files would take too long.
    return stamp is not None and stamp[0] == row.size


def _note(changed: list[Upload]) -> int:
    for gone in (True, False):
        found = [row.pk for row in changed if row.file_gone is not gone]
        if found:
            Upload.objects.filter(pk__in=found).update(file_gone=gone)
            logger.warning("%d uploads: the file is %s", len(found), "gone" if gone else "back")
    return len(changed)


def _forget_thumbnails(rows: list[Upload], data: Tree) -> int:
    """Clear the thumbnail of rows whose thumbnail file is gone."""
    place: Path = settings.DATA_DIR / "thumbnails"
    lost = [row.pk for row in rows if row.thumbnail and data.stamp(row.thumbnail) is None]
    if not lost or not place.is_dir():
        return 0
    logger.warning("%d uploads: the thumbnail is gone", len(lost))
    return Upload.objects.filter(pk__in=lost).update(thumbnail="")


def remove_empty_folders(tree: Tree, now_ns: int) -> Iterator[int]:
    """Remove old empty folders, deepest first, and yield 1 for each removed folder. Root folders of cameras stay.

    The age is read before the sweep, so that nested folders are removed together.
    """
    try:
        cameras = tree.folders()
    except OSError:
        return
    for camera in cameras:
        for folder, changed_ns in _below(tree, camera, 1):
            old = now_ns - changed_ns > EMPTY_FOLDER_AGE_NS
            dated = DATED.search(folder.partition("/")[2]) is not None
            yield int(old and dated and _remove_folder(tree, folder))


def _below(tree: Tree, folder: str, depth: int) -> Iterator[Found]:
    """Yield the folders below `folder`, children first."""
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


def _remove_folder(tree: Tree, folder: str) -> bool:
    """Remove the folder if it is empty. The kernel checks this, so there is no race."""
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
