"""The spool: copies of accepted files, kept until they are analysed, because their cameras may overwrite them.

Intake makes a copy if a camera reuses names or if uploads wait for the detector. It is a reflink if the file system
supports that. A hard link would not do, because it shares what is overwritten.

Order of writes: the copy, then the row that names it. After the upload is finished: the copy is deleted, then its name
in the row. The writer of a copy holds a lock on it until its row is committed. A copy with neither row nor lock was
left by a crash.
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
from cameras.files.paths import OutsideTreeError
from cameras.files.tree import HardLinkedError, Tree
from cameras.files.walk import stamp
from cameras.models import Upload
from hsi import failpoints, process_state
from hsi.errors import BusyError

SPOOL_FOLDER = "spool"
MAX_FILE_SHARE = 8  # one file may take at most this fraction (1/8) of the spool, because copying takes time
RETRY_AFTER_SECONDS = 10
USAGE_CACHE_SECONDS = 1.0
RESUME_SHARE = 0.9
_FICLONE = 0x40049409  # linux/fs.h
_CHUNK_BYTES = 1024 * 1024
_NO_REFLINK = {errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.EPERM, errno.EBADF, errno.ENOSYS}


@dataclass(slots=True)
class _Usage:
    """The size of all copies when it was last counted. Counting reads all rows with a copy, so it is cached."""

    bytes: int = 0
    valid_until: float = 0.0


_usage = _Usage()


class SpoolFullError(BusyError):
    """The spool has no room for more copies. New files wait in their folders until some uploads are analysed."""

    code = "SPOOL_FULL"

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=RETRY_AFTER_SECONDS)


class SpoolCopy:
    """A copy that no row names yet. It is locked until it is closed."""

    def __init__(self, source: BinaryIO, size: int) -> None:
        """Raise `SpoolFullError`, or `OSError` if the copy cannot be written."""
        require_room(size)
        self.path = f"{SPOOL_FOLDER}/{secrets.token_hex(16)}"
        absolute: Path = settings.DATA_DIR / self.path
        absolute.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(absolute, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self.file: BinaryIO = os.fdopen(descriptor, "r+b")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _copy_content(source, self.file)
        except BaseException:
            self.discard()
            raise
        _usage.bytes += size
        failpoints.reach("spool-copied")

    def close(self) -> None:
        self.file.close()

    def discard(self) -> None:
        """Delete the copy. No row will name it."""
        delete_copy(self.path)
        self.file.close()


def fits(size: int) -> bool:
    """Return whether a file of this size may have a copy."""
    limit: int = settings.SPOOL_MAX_BYTES
    return 0 < size <= limit // MAX_FILE_SHARE


def require_room(size: int) -> None:
    """Raise `SpoolFullError` if the spool would exceed its limit. The copies of failed uploads make room first."""
    if used_bytes() + size <= settings.SPOOL_MAX_BYTES:
        return
    for upload in Upload.objects.spooled().dead().order_by("id")[:100]:
        release(upload)
    reset_usage()
    if used_bytes() + size > settings.SPOOL_MAX_BYTES:
        raise SpoolFullError


def used_bytes() -> int:
    """Return the size of all copies: as of a moment ago, plus those that this process has made since."""
    if time.monotonic() >= _usage.valid_until:
        _usage.bytes = Upload.objects.spooled().aggregate(sum=Sum("size"))["sum"] or 0
        _usage.valid_until = time.monotonic() + USAGE_CACHE_SECONDS
    return _usage.bytes


def is_nearly_full() -> bool:
    """Return whether so little room is left that intake would pause again at once."""
    limit: int = settings.SPOOL_MAX_BYTES
    return used_bytes() > limit * RESUME_SHARE


def reset_usage() -> None:
    """Discard the cached size of all copies."""
    _usage.valid_until = 0.0


process_state.register(reset_usage)


def copy_upload(upload: Upload) -> bool:
    """Copy the file of a waiting upload if its content is unchanged. Raise `SpoolFullError` or `OSError`."""
    if upload.spool or upload.quarantine or not fits(upload.size):
        return False
    try:
        with Tree(settings.CAMERA_ROOT).open(upload.path) as file:
            if stamp(os.fstat(file.fileno())) != (upload.size, upload.mtime_ns):
                return False
            with contextlib.closing(SpoolCopy(file, upload.size)) as copy:
                if digest(copy.file) == upload.sha256 and upload.attach_copy(copy.path):
                    return True
                copy.discard()
    except (FileNotFoundError, OutsideTreeError, HardLinkedError):
        pass
    return False


def release(upload: Upload) -> None:
    """Delete the copy of an upload that no longer needs it. Repeating this after a crash is safe."""
    if upload.spool:
        delete_copy(upload.spool)
        failpoints.reach("spool-unlinked")
        upload.detach_copy()


def delete_copy(path: str) -> None:
    """Raise `OSError` if the copy cannot be deleted. A missing copy is no error."""
    (settings.DATA_DIR / path).unlink(missing_ok=True)


def sweep() -> int:
    """Delete copies that crashes left: those of finished uploads, and those that no row names. Return their number."""
    finished = Upload.objects.spooled().exclude(state__in=(Upload.State.WAITING, Upload.State.DEAD))
    deleted = 0
    for upload in finished.order_by("id")[:1000]:
        release(upload)
        deleted += 1
    return deleted + sum(_delete_unowned(path) for path in _copies())


def _copies() -> Iterator[Path]:
    with contextlib.suppress(FileNotFoundError), os.scandir(settings.DATA_DIR / SPOOL_FOLDER) as entries:
        yield from (Path(entry.path) for entry in entries)


def _delete_unowned(absolute: Path) -> bool:
    path = f"{SPOOL_FOLDER}/{absolute.name}"
    with contextlib.suppress(FileNotFoundError, BlockingIOError), absolute.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while a process is about to name it in a row
        if not Upload.objects.spooled().filter(spool=path).exists():
            absolute.unlink()
            return True
    return False


def _copy_content(source: BinaryIO, target: BinaryIO) -> None:
    """Share the blocks of `source` if possible, else copy them. Rewind both files."""
    try:
        fcntl.ioctl(target.fileno(), _FICLONE, source.fileno())
    except OSError as error:
        if error.errno not in _NO_REFLINK:
            raise
        source.seek(0)
        shutil.copyfileobj(source, target, _CHUNK_BYTES)
        target.flush()
    source.seek(0)
    target.seek(0)
