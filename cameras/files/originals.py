"""Originals: the files of uploads. A reader gets the content that was accepted, or an error."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO, TypeVar

from django.conf import settings

from cameras.files import content
from cameras.files.tree import HardLinkedError, Tree
from cameras.files.walk import stamp
from cameras.models import Upload
from hsi.errors import HSIError

MAX_REPEATS = 20
_MAX_CHANGES = 3  # while one piece is read
Result = TypeVar("Result")


class MediaGoneError(HSIError):
    """The file was removed from the camera folder."""

    code = "MEDIA_GONE"
    status = 404
    retryable = False


class MediaOverwrittenError(MediaGoneError):
    """The camera has overwritten this file."""


class MediaUnavailableError(MediaGoneError):
    """The file cannot be read now."""


class MediaHardLinkedError(MediaGoneError):
    """The file has a second name (hard link), so it is not read."""


def read_original(upload: Upload, read: Callable[[BinaryIO], Result]) -> Result:
    """Return the result of `read` for the upload's content: from its copy in the spool, its file or a duplicate.

    `read` verifies the content and raises `ContentChangedError` if it differs. Then the next file is tried. Raise
    `MediaGoneError`, in particular `MediaUnavailableError` if the file may come back, and other errors of `read`.
    """
    changed: content.ContentChangedError | None = None
    try:
        for file in _candidates(upload):
            with file:
                try:
                    return read(file)
                except content.ContentChangedError as error:
                    changed = error
    except MediaGoneError:
        if changed is None:
            raise
    raise MediaOverwrittenError from changed


def open_original(upload: Upload) -> BinaryIO:
    """Open the upload's content and no other, for as long as it is read. Raise like `read_original`."""
    if upload.state == Upload.State.REJECTED:  # its content was never known
        return next(_candidates(upload))
    return read_original(upload, partial(_open_verified, upload))


def _open_verified(upload: Upload, file: BinaryIO) -> BinaryIO:
    if upload.kind == Upload.Kind.IMAGE:
        return io.BytesIO(content.read_verified(file, upload.sha256))
    return _VerifiedClip(file, upload.sha256)


def _candidates(upload: Upload) -> Iterator[BinaryIO]:
    """Yield the files that may have the content, most likely first. The caller closes each one.

    Raise `MediaGoneError` after the last one.
    """
    if upload.spool and (copy := _open_copy(upload)) is not None:
        yield copy
    gone = MediaGoneError()
    try:
        file = _open_in_place(upload)
    except MediaUnavailableError:
        raise
    except MediaGoneError as error:
        gone = error
    else:
        yield file
    for repeat in upload.repeats.order_by("-id")[:MAX_REPEATS]:
        with contextlib.suppress(MediaGoneError):
            yield _open_in_place(repeat)
    raise gone


def _open_copy(upload: Upload) -> BinaryIO | None:
    with contextlib.suppress(MediaGoneError):
        return open_or_raise(Tree(settings.DATA_DIR), upload.spool, "The copy of the file is gone.")
    return None


def _open_in_place(upload: Upload) -> BinaryIO:
    """Open the file in the quarantine or in its folder. Raise `MediaGoneError`."""
    if upload.quarantine:
        # The row is written before the file is moved, so the file may still be in its folder.
        with contextlib.suppress(MediaGoneError):
            return open_or_raise(Tree(settings.DATA_DIR), upload.quarantine, "The file is no longer in quarantine.")
    file = open_or_raise(Tree(settings.CAMERA_ROOT), upload.path, "The file is no longer in the camera's folder.")
    size, mtime_ns = stamp(os.fstat(file.fileno()))
    # The time matters only if the content is unknown. A file with known content may be touched or copied back.
    if size != upload.size or (not upload.sha256 and mtime_ns != upload.mtime_ns):
        file.close()
        raise MediaGoneError("The camera has overwritten this file.")
    return file


class _VerifiedClip(io.FileIO):
    """A clip that is read over a long time. A changed version is hashed before more of it is returned."""

    def __init__(self, file: BinaryIO, sha256: str) -> None:
        super().__init__(os.dup(file.fileno()))
        self._whole, self._sha256 = io.FileIO(os.dup(file.fileno())), sha256
        try:
            self._version = content.verify(self._whole, sha256)
        except content.ContentChangedError:
            self.close()
            raise

    def read(self, size: int | None = -1, /) -> bytes:
        """Raise `OSError` if the content has changed: the response was started and can only be cut off."""
        position = self.tell()
        for _ in range(_MAX_CHANGES):
            data = super().read(size)
            if content.file_version(self) == self._version:
                return data
            try:
                self._version = content.verify(self._whole, self._sha256)
            except content.ContentChangedError as error:
                raise OSError("the file was overwritten while it was read") from error
            self.seek(position)
        raise OSError("the file keeps changing")

    def close(self) -> None:
        self._whole.close()
        super().close()


def open_or_raise(tree: Tree, path: str, detail: str) -> BinaryIO:
    """Open a file. Raise `MediaGoneError` with `detail`, or one of its subclasses."""
    try:
        return tree.open(path)
    except FileNotFoundError as error:
        raise MediaGoneError(detail) from error
    except OSError as error:
        raise MediaUnavailableError from error
    except HardLinkedError as error:
        raise MediaHardLinkedError from error
