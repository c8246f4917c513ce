"""Verify that an open file still has the content that was accepted, in the same read that uses it.

The writer of a file can set its size and time, so they prove nothing. A picture is read into memory once, and hashed
and decoded from there. A clip is too large for that and is read with seeks, so its version is verified instead:
device, inode, size, modification and change time of the open file. Only the kernel sets the change time, at every
write. A version that was hashed once keeps its content.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from typing import BinaryIO

from hsi.errors import MediaError

FileVersion = tuple[int, int, int, int, int]

_CHUNK_BYTES = 1024 * 1024
# The clock of a file system ticks: up to 10 ms on a local disk, 2 s on FAT. Two writes in one tick have the same time.
_TICK_NS = 2_000_000_000
_MAX_VERSIONS = 10_000

_verified_versions: OrderedDict[FileVersion, str] = OrderedDict()
_lock = threading.Lock()


class ContentChangedError(MediaError):
    """The camera has overwritten this file."""


def file_version(file: BinaryIO) -> FileVersion:
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def digest(file: BinaryIO) -> str:
    """Return the SHA-256 of the whole file in hexadecimal. Keep its position."""
    # The file's buffer may hold old content, so it is bypassed.
    raw, sha256 = getattr(file, "raw", file), hashlib.sha256()
    position = raw.tell()
    raw.seek(0)
    while chunk := raw.read(_CHUNK_BYTES):
        sha256.update(chunk)
    raw.seek(position)
    return sha256.hexdigest()


def read_verified(file: BinaryIO, sha256: str | None) -> bytes:
    """Return the content of a picture. Raise `ContentChangedError` unless it has this hash.

    `sha256=None` is for files that no other process can write. The content is read by position, because the client of
    the decoder shares this open file and may use it at the same time.
    """
    size, data = os.fstat(file.fileno()).st_size + 1, b""
    while piece := os.pread(file.fileno(), size - len(data), len(data)):
        data = data + piece if data else piece
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise ContentChangedError
    return data


@contextlib.contextmanager
def verified(file: BinaryIO, sha256: str, *, is_verified: bool) -> Iterator[None]:
    """Run the block. Raise `ContentChangedError` unless the file has this content before and after it.

    `is_verified`: this version was hashed before. The file is hashed at the end if it was written within the last
    tick, or if its version has changed: it may only have got another name.
    """
    before = file_version(file)
    if not is_verified and digest(file) != sha256:
        raise ContentChangedError
    was_recent = _is_recent(before)
    yield
    if (was_recent or file_version(file) != before) and digest(file) != sha256:
        raise ContentChangedError


def is_verified(file: BinaryIO, sha256: str) -> bool:
    """Return whether this process has verified this content in this version of the file."""
    with _lock:
        return _verified_versions.get(file_version(file)) == sha256


def remember_verified(file: BinaryIO, version: FileVersion, sha256: str) -> None:
    """Remember that `version` has this content, unless a later write could keep the version as it is."""
    if file_version(file) != version or _is_recent(version):
        return
    with _lock:
        _verified_versions[version] = sha256
        _verified_versions.move_to_end(version)
        while len(_verified_versions) > _MAX_VERSIONS:
            _verified_versions.popitem(last=False)


def verify(file: BinaryIO, sha256: str) -> FileVersion:
    """Return the version of a file with this content. Raise `ContentChangedError` for other content."""
    version = file_version(file)
    if not is_verified(file, sha256):
        with verified(file, sha256, is_verified=False):
            pass
        remember_verified(file, version, sha256)
    return version


def _is_recent(version: FileVersion) -> bool:
    return time.time_ns() - version[4] < _TICK_NS
