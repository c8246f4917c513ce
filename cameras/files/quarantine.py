"""The quarantine: where rejected files are moved, below the data folder.

The row is written before the move. After a crash in between, the next scan moves the file.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

from django.conf import settings

from cameras.files.tree import Tree
from cameras.models import Upload
from hsi.errors import HSIError

logger = logging.getLogger(__name__)


def path_for(upload: Upload) -> str:
    """Return the path of the upload's file in the quarantine, below the data folder."""
    suffix = re.sub(r"[^A-Za-z0-9.]+", "_", upload.path.rpartition("/")[2])[-80:]
    return f"quarantine/{upload.camera_id}/{upload.version_key[:16]}-{suffix}"


def move(tree: Tree, upload: Upload) -> None:
    """Move a rejected file to the quarantine. If that fails, the file stays in its folder until the next scan."""
    destination: Path = settings.DATA_DIR / upload.quarantine
    if tree.stamp(upload.path) != (upload.size, upload.mtime_ns):
        return  # the file was written again, and is another version with a row of its own
    try:
        tree.move(upload.path, destination)
    except (OSError, HSIError) as error:
        logger.warning("%s stays in its folder, because it cannot be moved to the quarantine: %s", upload.path, error)


def move_if_pending(tree: Tree, upload: Upload) -> None:
    """Finish a move that a crash interrupted."""
    if upload.state == Upload.State.REJECTED and upload.quarantine:
        move(tree, upload)
