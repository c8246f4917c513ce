"""Whether an open file still has the content that was taken in, told in the same read that uses it.

Size and time of a file are its writer's to choose, so they prove nothing. A picture is read into memory once: what
is hashed there is what is decoded. A clip is too large for that and is read in jumps, so its version is held: the
device, inode, size, modification and change time of the open file. The change time is set by the kernel alone, at
every write. A version whose content was hashed once has it for as long as it is that version.
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

Version = tuple[int, int, int, int, int]

_CHUNK_BYTES = 1024 * 1024
# A file system's clock ticks: up to 10 ms on a local disk, 2 s on FAT. Two writes within a tick have the same time.
_TICK_NS = 2_000_000_000
_MOST_KNOWN = 10_000

_known: OrderedDict[Version, str] = OrderedDict()
_lock = threading.Lock()


class OtherContentError(MediaError):
    """The camera has overwritten this file."""


def version(file: BinaryIO) -> Version:
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def digest(file: BinaryIO) -> str:
    """SHA-256 of the whole file, in hexadecimal digits. It is left where it is."""
    # Not through its buffer: that may hold what was there before.
    raw, sha256 = getattr(file, "raw", file), hashlib.sha256()
    position = raw.tell()
    raw.seek(0)
    while chunk := raw.read(_CHUNK_BYTES):
        sha256.update(chunk)
    raw.seek(position)
    return sha256.hexdigest()


def whole(file: BinaryIO, sha256: str | None) -> bytes:
    """The content of a picture, which must be the one of `sha256`. None: of a file that nobody else can write.

    Read by position: the process that asked shares this open file, and may be asking another one about it.
    Raises `OtherContentError`.
    """
    size, data = os.fstat(file.fileno()).st_size + 1, b""
    while piece := os.pread(file.fileno(), size - len(data), len(data)):
        data = data + piece if data else piece
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise OtherContentError
    return data


@contextlib.contextmanager
def held(file: BinaryIO, sha256: str, *, known: bool) -> Iterator[None]:
    """The content is the one of `sha256` for as long as the block runs, else `OtherContentError`.

    `known`: this version of the file was hashed before. A file that was written to within the last tick is
    hashed at the end as well, as is one that became another version: it may have got another name alone.
    """
    before = version(file)
    if not known and digest(file) != sha256:
        raise OtherContentError
    recent = _is_recent(before)
    yield
    if (recent or version(file) != before) and digest(file) != sha256:
        raise OtherContentError


def is_known(file: BinaryIO, sha256: str) -> bool:
    """Whether this process saw this content in this very version of the file."""
    with _lock:
        return _known.get(version(file)) == sha256


def remember(file: BinaryIO, seen: Version, sha256: str) -> None:
    """`seen` was hashed and has this content. Nothing is noted where a later write could leave the version as it is."""
    if version(file) != seen or _is_recent(seen):
        return
    with _lock:
        _known[seen] = sha256
        _known.move_to_end(seen)
        while len(_known) > _MOST_KNOWN:
            _known.popitem(last=False)


def require(file: BinaryIO, sha256: str) -> Version:
    """The version of a file that has this content. Raises `OtherContentError`."""
    seen = version(file)
    if not is_known(file, sha256):
        with held(file, sha256, known=False):
            pass
        remember(file, seen, sha256)
    return seen


def _is_recent(seen: Version) -> bool:
    return time.time_ns() - seen[4] < _TICK_NS
