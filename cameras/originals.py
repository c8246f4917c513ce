"""The file behind an upload row, opened only when it still is the one that was taken in."""

from __future__ import annotations

import contextlib
import io
import os
from typing import BinaryIO

from django.conf import settings

from cameras import content
from cameras.linked import HardLinkedError
from cameras.models import Upload
from cameras.tree import Tree
from hsi.errors import HSIError

_MOST_CHANGES = 3  # while one piece is read


class MediaGoneError(HSIError):
    """The file is no longer where the camera put it."""

    code = "MEDIA_GONE"
    status = 404
    retryable = False


class OverwrittenError(MediaGoneError):
    """The camera has overwritten this file with another one."""


def open_file(upload: Upload) -> BinaryIO:
    """The upload's file, from its folder or from quarantine, for the decoder, which checks its content.

    Raises `MediaGoneError`.
    """
    if upload.quarantine:
        # Its row is written before it is moved: a file that could not be moved is where it was.
        with contextlib.suppress(MediaGoneError):
            return _open(Tree(settings.DATA_DIR), upload.quarantine, "The rejected file is no longer in quarantine.")
    file = _open(Tree(settings.CAMERA_ROOT), upload.path, "The file is no longer in the camera's folder.")
    if os.fstat(file.fileno()).st_size != upload.size:
        file.close()
        raise MediaGoneError("The camera has overwritten this file with another one.")
    return file


def open_original(upload: Upload) -> BinaryIO:
    """The upload's own bytes, and no other ones, for as long as they are read. Raises `MediaGoneError`."""
    file = open_file(upload)
    if upload.state == Upload.State.REJECTED:  # what is in it was never known
        return file
    with file:
        try:
            if upload.kind == Upload.Kind.IMAGE:
                return io.BytesIO(content.whole(file, upload.sha256))
            return _Held(file, upload.sha256)
        except content.OtherContentError as error:
            raise OverwrittenError from error


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
        raise MediaGoneError("The file cannot be read at the moment.") from error
    except HardLinkedError as error:
        raise MediaGoneError(error.detail) from error
