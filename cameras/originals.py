"""The file behind an upload row, opened only when it still is the one that was taken in."""

from __future__ import annotations

import contextlib
import os
from typing import BinaryIO

from django.conf import settings

from cameras.content import sha256_of
from cameras.models import Upload
from cameras.tree import Tree, stamp
from hsi.errors import HSIError

MOST_REPEATS = 20


class MediaGoneError(HSIError):
    """The file is no longer where the camera put it."""

    code = "MEDIA_GONE"
    status = 404
    retryable = False


class MediaAwayError(MediaGoneError):
    """The file cannot be read at the moment."""


def open_original(upload: Upload) -> BinaryIO:
    """The upload's own bytes: the copy in the spool, the file in quarantine or in its folder, or a repeat of it.

    Raises `MediaGoneError`, or `MediaAwayError` where it may come back by itself.
    """
    if upload.spool:
        with contextlib.suppress(MediaGoneError):
            return _open(Tree(settings.DATA_DIR), upload.spool, "The copy of the file is no longer there.")
    try:
        return _open_first(upload)
    except MediaAwayError:
        raise
    except MediaGoneError:
        for repeat in upload.repeats.order_by("-id")[:MOST_REPEATS]:
            with contextlib.suppress(MediaGoneError):
                return _open_first(repeat)
        raise


def _open_first(upload: Upload) -> BinaryIO:
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
        raise MediaAwayError from error


def _is_the_same(file: BinaryIO, upload: Upload) -> bool:
    """Size and time as they were. A file that was copied back or touched has another time: its content decides."""
    size, mtime_ns = stamp(os.fstat(file.fileno()))
    if size != upload.size:
        return False
    return mtime_ns == upload.mtime_ns or (bool(upload.sha256) and sha256_of(file) == upload.sha256)
