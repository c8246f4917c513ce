"""What a file holds, read in bounded pieces."""

from __future__ import annotations

import hashlib
from typing import BinaryIO

_CHUNK_BYTES = 1024 * 1024


def sha256_of(file: BinaryIO) -> str:
    """Of the whole file, which is left at its start."""
    digest = hashlib.sha256()
    file.seek(0)
    while piece := file.read(_CHUNK_BYTES):
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()
