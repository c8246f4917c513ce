"""Delete the files of removed rows. It is idempotent, so it can be repeated after a crash."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from cameras.files.paths import OutsideTreeError, decode_path
from cameras.files.tree import Tree
from cameras.files.walk import stamp
from cameras.models import Garbage
from hsi import failpoints

logger = logging.getLogger(__name__)

CHUNK = 500
STUCK = 200  # this many undeletable files mean a problem of the disk or its permissions
FIRST_DELAY, LONGEST_DELAY = timedelta(minutes=1), timedelta(days=1)


class FolderMissingError(OSError):
    """The camera folder does not exist. An unmounted share is not an empty one."""


def clear(now: datetime | None = None) -> int:
    """Delete every file that is due, with its row. Return the number of rows."""
    now = now or timezone.now()
    cleared = 0
    due = Garbage.objects.filter(due_at__lte=now).order_by("root", "path", "id")
    while rows := list(due[:CHUNK]):
        for (root, folder), files in groupby(rows, lambda row: (row.root, row.path.rpartition("/")[0])):
            cleared += _clear_folder(root, folder, list(files), now)
    return cleared


def is_stuck() -> bool:
    """Return whether too many files cannot be deleted, so that removing more rows would free no space."""
    return len(Garbage.objects.filter(attempts__gt=0).values_list("pk")[:STUCK]) == STUCK


def _clear_folder(root: str, folder: str, rows: list[Garbage], now: datetime) -> int:
    place: Path = settings.CAMERA_ROOT if root == Garbage.Root.CAMERAS else settings.DATA_DIR
    try:
        failed = _unlink_all(place, folder, rows)
    except OutsideTreeError as error:
        logger.warning("%s is outside of our folders now, its files stay: %s", folder, error)
        failed = {}
    except OSError as error:
        failed = {row.pk: error for row in rows}
    done = [row.pk for row in rows if row.pk not in failed]
    _postpone([row for row in rows if row.pk in failed], failed, now)
    Garbage.objects.filter(pk__in=done).delete()
    failpoints.reach("prune.cleared")
    return len(done)


def _unlink_all(place: Path, folder: str, rows: list[Garbage]) -> dict[int, OSError]:
    """Delete the files of one folder and sync it. Return the errors by row id."""
    tree, failed = Tree(place), {}
    try:
        with tree.folder(folder) as descriptor:
            for row in rows:
                try:
                    _unlink(descriptor, row)
                except OSError as error:
                    failed[row.pk] = error
                failpoints.reach("prune.unlinked")
            # Without the sync, a power failure could restore a file without its row, and intake would accept it.
            os.fsync(descriptor)
    except FileNotFoundError as error:
        if not (place / os.fsdecode(decode_path(folder.partition("/")[0]))).is_dir():
            raise FolderMissingError(f"{folder} does not exist") from error
    return failed


def _unlink(folder: int, row: Garbage) -> None:
    """Delete the version that the row names. A newer file with the same name is another upload and stays."""
    name = decode_path(row.path.rpartition("/")[2])
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        wanted = row.size is None or stamp(status) == (row.size, row.mtime_ns)
        if wanted and stat.S_ISREG(status.st_mode):
            os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return


def _postpone(rows: Iterable[Garbage], why: dict[int, OSError], now: datetime) -> None:
    """Schedule another attempt with increasing delay. Rows of a permanently missing folder are dropped."""
    for row in rows:
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(row.attempts, 20))
        if delay == LONGEST_DELAY and (isinstance(why[row.pk], FolderMissingError) or row.root == Garbage.Root.DATA):
            row.delete()
            continue
        logger.warning("%s cannot be deleted, again in %s: %s", row.path, delay, why[row.pk])
        Garbage.objects.filter(pk=row.pk).update(attempts=row.attempts + 1, due_at=now + delay)
