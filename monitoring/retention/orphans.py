"""Files and rows that lost each other, looked for once a day, a bounded piece a turn.

A file of ours that no row names goes. A row whose file is gone stays and says so. A camera's file
without a row is no orphan: the scan takes it in. Empty folders of past days go.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db.models import Q

from cameras.files.paths import OutsideTreeError
from cameras.files.tree import Tree
from cameras.files.walk import Entry
from cameras.models import Upload
from monitoring.retention.empty_folders import remove_empty_folders

logger = logging.getLogger(__name__)

FILES, ROWS = 100, 500  # looked at in a turn
MIN_AGE_NS = 3600 * 10**9  # a thumbnail is written before its row
STORES = {"thumbnails": 32, "quarantine": 16}  # how much of a key a file's name begins with


def sweep(now_ns: int) -> Iterator[int]:
    """Turns of a full sweep; each gives how many orphans it dealt with. `now_ns`: since 1970, as file times are."""
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
    """Those of the paths that a row names. Found by the indexes on what the names begin with.

    That is the content's key of a small picture, the version's key of a refused file and of an older picture.
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
    """Note which files are gone, and which are back."""
    cameras, data = Tree(settings.CAMERA_ROOT), Tree(settings.DATA_DIR)
    present = _folders(cameras)
    last = 0
    while rows := list(Upload.objects.filter(pk__gt=last).order_by("pk")[:ROWS]):
        last = rows[-1].pk
        # A share that is away is not an empty one: without the camera's folder nothing is said about its files.
        seen = [row for row in rows if row.quarantine or row.path.partition("/")[0] in present]
        gone = {row.pk for row in seen if not _is_there(row, cameras, data)}
        yield _note([row for row in seen if row.file_gone != (row.pk in gone)]) + _forget_thumbnails(rows, data)


def _folders(cameras: Tree) -> set[str]:
    try:
        return set(cameras.folders())
    except OSError:
        return set()


def _is_there(row: Upload, cameras: Tree, data: Tree) -> bool:
    """As far as can be told without reading. A file that was copied back has another time and is the same."""
    if row.quarantine and data.stamp(row.quarantine) is not None:
        return True
    try:
        stamp = cameras.stamp(row.path)
    except OSError:  # nothing can be said of what cannot be looked at
        return not row.file_gone
    # A file of the same size is taken for the same: to read them all would take too long.
    return stamp is not None and stamp[0] == row.size


def _note(changed: list[Upload]) -> int:
    for gone in (True, False):
        found = [row.pk for row in changed if row.file_gone is not gone]
        if found:
            Upload.objects.filter(pk__in=found).update(file_gone=gone)
            logger.warning("%d uploads: the file is %s", len(found), "gone" if gone else "back")
    return len(changed)


def _forget_thumbnails(rows: list[Upload], data: Tree) -> int:
    """A row names no small picture that is not there."""
    place: Path = settings.DATA_DIR / "thumbnails"
    lost = [row.pk for row in rows if row.thumbnail and data.stamp(row.thumbnail) is None]
    if not lost or not place.is_dir():
        return 0
    logger.warning("%d uploads: the small picture is gone", len(lost))
    return Upload.objects.filter(pk__in=lost).update(thumbnail="")
