"""The small pictures that intake makes, below the data folder. They can be made again, so they are not synced."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from cameras.files.tree import written_whole

STORE = "thumbnails"
KEY_CHARACTERS = 32  # how much of the content's SHA-256 a name begins with


def store(camera: str, sha256: str, version_key: str, picture: bytes) -> str:
    """Write the picture; its path below the data folder.

    The name begins with the content's key, which a row keeps for ever. No other row has the same one.
    """
    relative = f"{STORE}/{camera}/{sha256[:2]}/{sha256[:KEY_CHARACTERS]}-{version_key[:8]}.jpg"
    path: Path = settings.DATA_DIR / relative
    with written_whole(path) as made:  # two may take the same file in at once
        made.write_bytes(picture)
    return relative
