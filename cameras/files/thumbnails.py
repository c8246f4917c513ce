"""Thumbnails: small pictures below the data folder, made by intake. They can be made again, so they are not fsynced."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from cameras.files.originals import MediaGoneError, open_or_raise
from cameras.files.tree import Tree, atomic_write
from cameras.models import Upload

THUMBNAIL_FOLDER = "thumbnails"
KEY_LENGTH = 32  # how many characters of the content's SHA-256 a file name starts with


def store_thumbnail(camera_id: str, sha256: str, version_key: str, jpeg: bytes) -> str:
    """Write a thumbnail. Return its path below the data folder.

    The name starts with the hash of the content, which the row keeps. No other row has the same name.
    """
    relative = f"{THUMBNAIL_FOLDER}/{camera_id}/{sha256[:2]}/{sha256[:KEY_LENGTH]}-{version_key[:8]}.jpg"
    path: Path = settings.DATA_DIR / relative
    with atomic_write(path) as temporary:  # two processes may accept the same file at once
        temporary.write_bytes(jpeg)
    return relative


def open_thumbnail(upload: Upload) -> BinaryIO:
    """Open the thumbnail of an upload. Raise `MediaGoneError` if there is none."""
    if not upload.thumbnail:
        raise MediaGoneError("This file has no thumbnail.")
    return open_or_raise(Tree(settings.DATA_DIR), upload.thumbnail, "The thumbnail of this file was deleted.")
