"""The file behind an upload row: whoever reads it gets the content that was taken in, or none."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO, TypeVar

from django.conf import settings

from cameras.files import content
from cameras.files.hard_links import HardLinkedError
from cameras.files.tree import Tree, stamp
from cameras.models import Upload
from hsi.errors import HSIError

MOST_REPEATS = 20
_MOST_CHANGES = 3  # while one piece is read
Answer = TypeVar("Answer")


class MediaGoneError(HSIError):
    """The file was removed from the camera folder."""

    code = "MEDIA_GONE"
    status = 404
    retryable = False


class OverwrittenError(MediaGoneError):
    """The camera has overwritten this file."""


class MediaAwayError(MediaGoneError):
    """The file cannot be read at the moment."""


class MediaLinkedError(MediaGoneError):
    """The file has a second name (hard link), so it is not read."""


def read_original(upload: Upload, read: Callable[[BinaryIO], Answer]) -> Answer:
    """What `read` makes of the upload's content: of its copy in the spool, its file, or that of a repeat.

    `read` checks the content, and raises `OtherContentError` for another one: then the next file is read. Raises
    `MediaGoneError`, of it `MediaAwayError` where the file may come back by itself, and what else `read` raises.
    """
    other: content.OtherContentError | None = None
    try:
        for file in _files(upload):
            with file:
                try:
                    return read(file)
                except content.OtherContentError as error:
                    other = error
    except MediaGoneError:
        if other is None:
            raise
    raise OverwrittenError from other


def open_original(upload: Upload) -> BinaryIO:
    """The upload's own bytes, and no other ones, for as long as they are read. Raises as `read_original` does."""
    if upload.state == Upload.State.REJECTED:  # what is in it was never known
        return next(_files(upload))
    return read_original(upload, partial(_verified, upload))


def _verified(upload: Upload, file: BinaryIO) -> BinaryIO:
    if upload.kind == Upload.Kind.IMAGE:
        return io.BytesIO(content.whole(file, upload.sha256))
    return _Held(file, upload.sha256)


def _files(upload: Upload) -> Iterator[BinaryIO]:
    """What may hold the content, the likeliest first, each to be closed. Raises `MediaGoneError` after the last."""
    if upload.spool and (copy := _copy(upload)) is not None:
        yield copy
    gone = MediaGoneError()
    try:
        first = _placed(upload)
    except MediaAwayError:
        raise
    except MediaGoneError as error:
        gone = error
    else:
        yield first
    for repeat in upload.repeats.order_by("-id")[:MOST_REPEATS]:
        with contextlib.suppress(MediaGoneError):
            yield _placed(repeat)
    raise gone


def _copy(upload: Upload) -> BinaryIO | None:
    with contextlib.suppress(MediaGoneError):
        return _open(Tree(settings.DATA_DIR), upload.spool, "The copy of the file is no longer there.")
    return None


def _placed(upload: Upload) -> BinaryIO:
    """The file in quarantine or in its folder. Raises `MediaGoneError`."""
    if upload.quarantine:
        # Its row is written before it is moved: a file that could not be moved is where it was.
        with contextlib.suppress(MediaGoneError):
            return _open(Tree(settings.DATA_DIR), upload.quarantine, "The rejected file is no longer in quarantine.")
    file = _open(Tree(settings.CAMERA_ROOT), upload.path, "The file is no longer in the camera's folder.")
    size, mtime_ns = stamp(os.fstat(file.fileno()))
    # Time says something only where the content is not known: what is known may be touched and copied back.
    if size != upload.size or (not upload.sha256 and mtime_ns != upload.mtime_ns):
        file.close()
        raise MediaGoneError("The camera has overwritten this file.")
    return file


def open_thumbnail(upload: Upload) -> BinaryIO:
    """The small picture made at intake. Raises `MediaGoneError` when there is none."""
    if not upload.thumbnail:
        raise MediaGoneError("There is no small picture of this file.")
    return _open(Tree(settings.DATA_DIR), upload.thumbnail, "The small picture of this file was removed.")


class _Held(io.FileIO):
    """A clip that is read for a long time. A version that is not the one before is hashed before more is read."""

    def __init__(self, file: BinaryIO, sha256: str) -> None:
        super().__init__(os.dup(file.fileno()))
        self._whole, self._sha256 = io.FileIO(os.dup(file.fileno())), sha256
        try:
            self._seen = content.require(self._whole, sha256)
        except content.OtherContentError:
            self.close()
            raise

    def read(self, size: int | None = -1, /) -> bytes:
        """Raises `OSError` where the content is another one by now: the answer has begun, and can only be cut off."""
        position = self.tell()
        for _ in range(_MOST_CHANGES):
            data = super().read(size)
            if content.version(self) == self._seen:
                return data
            try:
                self._seen = content.require(self._whole, self._sha256)
            except content.OtherContentError as error:
                raise OSError("the file was overwritten while it was read") from error
            self.seek(position)
        raise OSError("the file changes all the time")

    def close(self) -> None:
        self._whole.close()
        super().close()


def _open(tree: Tree, path: str, detail: str) -> BinaryIO:
    try:
        return tree.open(path)
    except FileNotFoundError as error:
        raise MediaGoneError(detail) from error
    except OSError as error:
        raise MediaAwayError from error
    except HardLinkedError as error:
        raise MediaLinkedError from error
