"""The file behind an upload row, opened only when it still is the one that was taken in."""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import BinaryIO

from django.conf import settings

from cameras.models import Upload
from cameras.tree import Tree
from hsi.errors import HSIError


class MediaGoneError(HSIError):
    """The file is no longer where the camera put it."""

    code = "MEDIA_GONE"
    status = 404
    retryable = False


def open_original(upload: Upload) -> BinaryIO:
    """The upload's own bytes, from its folder or from quarantine. Raises `MediaGoneError`."""
    if upload.quarantine:
        # Its row is written before it is moved: a file that could not be moved is where it was.
        with contextlib.suppress(MediaGoneError):
            return _open(Tree(settings.DATA_DIR), upload.quarantine, "The rejected file is no longer in quarantine.")
    file = _open(Tree(settings.CAMERA_ROOT), upload.path, "The file is no longer in the camera's folder.")
    if not _is_the_same(file, upload):
        file.close()
        raise MediaGoneError("The camera has overwritten this file with another one.")
    return file


def open_thumbnail(upload: Upload) -> BinaryIO:
    """The small picture made at intake. Raises `MediaGoneError` when there is none."""
    if not upload.thumbnail:
        raise MediaGoneError("There is no small picture of this file.")
    return _open(Tree(settings.DATA_DIR), upload.thumbnail, "The small picture of this file was removed.")


def _open(tree: Tree, path: str, detail: str) -> BinaryIO:
    try:
        return tree.open(path)
    except FileNotFoundError as error:
        raise MediaGoneError(detail) from error
    except OSError as error:
        raise MediaGoneError("The file cannot be read at the moment.") from error


def _is_the_same(file: BinaryIO, upload: Upload) -> bool:
    """Size and time as they were. A picture that was copied back has another time, so its content decides."""
    status = os.fstat(file.fileno())
    if status.st_size != upload.size:
        return False
    if status.st_mtime_ns == upload.mtime_ns:
        return True
    if upload.kind != Upload.Kind.IMAGE or not upload.sha256:
        return False
    same = hashlib.sha256(file.read()).hexdigest() == upload.sha256
    file.seek(0)
    return same
