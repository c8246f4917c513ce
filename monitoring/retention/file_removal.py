"""Unlinking the files of rows that were deleted. Repeats and crashes harm nothing: what is gone is gone."""

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
STUCK = 200  # this many files that cannot be deleted are a fault of the disk or its rights, not of a file
FIRST_DELAY, LONGEST_DELAY = timedelta(minutes=1), timedelta(days=1)


class AwayError(OSError):
    """The camera's folder is not there. A share that is away is not an empty one."""


def clear(now: datetime | None = None) -> int:
    """Unlink every file that is due, and drop its row; how many rows went."""
    now = now or timezone.now()
    cleared = 0
    due = Garbage.objects.filter(due_at__lte=now).order_by("root", "path", "id")
    while rows := list(due[:CHUNK]):
        for (root, folder), files in groupby(rows, lambda row: (row.root, row.path.rpartition("/")[0])):
            cleared += _clear_folder(root, folder, list(files), now)
    return cleared


def is_stuck() -> bool:
    """Whether so many files cannot be deleted that removing more rows would free nothing."""
    return len(Garbage.objects.filter(attempts__gt=0).values_list("pk")[:STUCK]) == STUCK


def _clear_folder(root: str, folder: str, rows: list[Garbage], now: datetime) -> int:
    place: Path = settings.CAMERA_ROOT if root == Garbage.Root.CAMERAS else settings.DATA_DIR
    try:
        failed = _unlink_all(place, folder, rows)
    except OutsideTreeError as error:
        logger.warning("%s is not ours any more, its files stay: %s", folder, error)
        failed = {}
    except OSError as error:
        failed = {row.pk: error for row in rows}
    done = [row.pk for row in rows if row.pk not in failed]
    _postpone([row for row in rows if row.pk in failed], failed, now)
    Garbage.objects.filter(pk__in=done).delete()
    failpoints.reach("prune.cleared")
    return len(done)


def _unlink_all(place: Path, folder: str, rows: list[Garbage]) -> dict[int, OSError]:
    """Unlink what is in one folder, to the disk; what could not be unlinked, by the row's id."""
    tree, failed = Tree(place), {}
    try:
        with tree.folder(folder) as descriptor:
            for row in rows:
                try:
                    _unlink(descriptor, row)
                except OSError as error:
                    failed[row.pk] = error
                failpoints.reach("prune.unlinked")
            # A power cut after the row is gone must not bring the file back: it would be taken in again.
            os.fsync(descriptor)
    except FileNotFoundError as error:
        if not (place / os.fsdecode(decode_path(folder.partition("/")[0]))).is_dir():
            raise AwayError(f"{folder} is not there") from error
    return failed


def _unlink(folder: int, row: Garbage) -> None:
    """Delete the very version that the row names. One that was written since is another upload, and stays."""
    name = decode_path(row.path.rpartition("/")[2])
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        wanted = row.size is None or stamp(status) == (row.size, row.mtime_ns)
        if wanted and stat.S_ISREG(status.st_mode):
            os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return


def _postpone(rows: Iterable[Garbage], why: dict[int, OSError], now: datetime) -> None:
    """Try again later, ever more seldom. Files of a folder that stays away are given up in the end."""
    for row in rows:
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(row.attempts, 20))
        if delay == LONGEST_DELAY and (isinstance(why[row.pk], AwayError) or row.root == Garbage.Root.DATA):
            row.delete()
            continue
        logger.warning("%s cannot be deleted, again in %s: %s", row.path, delay, why[row.pk])
        Garbage.objects.filter(pk=row.pk).update(attempts=row.attempts + 1, due_at=now + delay)
