"""Copies of accepted files, kept until they are analysed: their cameras may overwrite them before.

A copy is made at intake where a camera is seen to reuse names, or where work waits; by reflink where the file
system can share the blocks (a hard link would share what is overwritten). Order of writes: the copy, then the row
that names it; after the row's last state, the copy goes, then its name in the row. Whoever writes a copy holds a
lock on it until its row is committed, so that a copy without a row and without a lock was left by a crash.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db.models import Sum

from cameras.files.content import digest
from cameras.files.hard_links import HardLinkedError
from cameras.files.tree import OutsideTreeError, Tree, stamp
from cameras.models import Upload
from hsi import failpoints
from hsi.errors import BusyError

STORE = "spool"
# A larger part of the spool is not given to one file, unless its blocks can be shared: to copy it takes too long.
LARGEST_SHARE = 8
RETRY_AFTER_SECONDS = 10
USED_FOR_SECONDS = 1.0
RESUME_SHARE = 0.9
_FICLONE = 0x40049409  # linux/fs.h
_CHUNK_BYTES = 1024 * 1024
_NO_CLONE = {errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.EPERM, errno.EBADF, errno.ENOSYS}


@dataclass(slots=True)
class _Used:
    """What the copies took when it was counted. To count them for each file would read all their rows each time."""

    bytes: int = 0
    until: float = 0.0


_used = _Used()


class SpoolFullError(BusyError):
    """Accepted files wait for the detector, and there is no room to secure more. New ones wait in their folders."""

    code = "SPOOL_FULL"

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=RETRY_AFTER_SECONDS)


class Copy:
    """A copy that no row names yet. Its lock is held until it is closed."""

    def __init__(self, source: BinaryIO, size: int) -> None:
        """Raises `SpoolFullError`, or `OSError` where it cannot be written."""
        require_room(size)
        self.path = f"{STORE}/{secrets.token_hex(16)}"
        place: Path = settings.DATA_DIR / self.path
        place.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self.file: BinaryIO = os.fdopen(descriptor, "r+b")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _fill(source, self.file)
        except BaseException:
            self.discard()
            raise
        _used.bytes += size
        failpoints.reach("spool-copied")

    def close(self) -> None:
        self.file.close()

    def discard(self) -> None:
        """No row will name it."""
        unlink(self.path)
        self.file.close()


def is_wanted_for(size: int) -> bool:
    """Whether a file of this size may have a copy."""
    limit: int = settings.SPOOL_MAX_BYTES
    return 0 < size <= limit // LARGEST_SHARE


def require_room(size: int) -> None:
    """Raise `SpoolFullError` where the spool would grow over its limit. Copies of what failed make room first."""
    if used_bytes() + size <= settings.SPOOL_MAX_BYTES:
        return
    failed = Upload.objects.exclude(spool="").filter(state=Upload.State.DEAD).order_by("id")
    for upload in failed[:100]:
        release(upload)
    forget()
    if used_bytes() + size > settings.SPOOL_MAX_BYTES:
        raise SpoolFullError


def used_bytes() -> int:
    """What the copies take, as of a moment ago and with those that this process has made since."""
    if time.monotonic() >= _used.until:
        _used.bytes = Upload.objects.exclude(spool="").aggregate(sum=Sum("size"))["sum"] or 0
        _used.until = time.monotonic() + USED_FOR_SECONDS
    return _used.bytes


def is_nearly_full() -> bool:
    """Whether so little room is left that intake would stop again at once."""
    limit: int = settings.SPOOL_MAX_BYTES
    return used_bytes() > limit * RESUME_SHARE


def forget() -> None:
    """Count what the copies take anew when it is asked for."""
    _used.until = 0.0


def secure(upload: Upload) -> bool:
    """Copy the file of an upload that waits, if it still is what was taken in. Raises `SpoolFullError`, `OSError`."""
    if upload.spool or upload.quarantine or not is_wanted_for(upload.size):
        return False
    try:
        with Tree(settings.CAMERA_ROOT).open(upload.path) as file:
            if stamp(os.fstat(file.fileno())) != (upload.size, upload.mtime_ns):
                return False
            with contextlib.closing(Copy(file, upload.size)) as copy:
                if digest(copy.file) == upload.sha256 and name(upload, copy):
                    return True
                copy.discard()
    except (FileNotFoundError, OutsideTreeError, HardLinkedError):
        pass
    return False


def name(upload: Upload, copy: Copy) -> bool:
    """Have the row name the copy, unless it has one already or needs none any more."""
    waiting = Upload.objects.waiting().filter(pk=upload.pk, spool="")
    named = bool(waiting.update(spool=copy.path))
    upload.spool = copy.path if named else upload.spool
    return named


def release(upload: Upload) -> None:
    """Remove the copy of an upload that needs it no more. Repeats and crashes harm nothing."""
    if upload.spool:
        unlink(upload.spool)
        failpoints.reach("spool-unlinked")
        Upload.objects.filter(pk=upload.pk, spool=upload.spool).update(spool="")
        upload.spool = ""


def unlink(path: str) -> None:
    """Raises `OSError` where it cannot be removed; one that is gone is no failure."""
    (settings.DATA_DIR / path).unlink(missing_ok=True)


def sweep() -> int:
    """Remove copies that crashes left: of uploads that are finished, and those that no row names."""
    done = Upload.objects.exclude(spool="").exclude(state__in=(Upload.State.WAITING, Upload.State.DEAD))
    swept = 0
    for upload in done.order_by("id")[:1000]:
        release(upload)
        swept += 1
    return swept + sum(_remove_unnamed(path) for path in _copies())


def _copies() -> Iterator[Path]:
    with contextlib.suppress(FileNotFoundError), os.scandir(settings.DATA_DIR / STORE) as entries:
        yield from (Path(entry.path) for entry in entries)


def _remove_unnamed(place: Path) -> bool:
    path = f"{STORE}/{place.name}"
    with contextlib.suppress(FileNotFoundError, BlockingIOError), place.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # else somebody is about to name it
        if not Upload.objects.exclude(spool="").filter(spool=path).exists():
            place.unlink()
            return True
    return False


def _fill(source: BinaryIO, target: BinaryIO) -> None:
    """Share the blocks of `source`, or copy them. Both are left at their start."""
    try:
        fcntl.ioctl(target.fileno(), _FICLONE, source.fileno())
    except OSError as error:
        if error.errno not in _NO_CLONE:
            raise
        source.seek(0)
        shutil.copyfileobj(source, target, _CHUNK_BYTES)
        target.flush()
    source.seek(0)
    target.seek(0)
