"""Files that cannot be used, away from their folders, and another chance for them.

The row comes before the move: a crash between leaves a row whose file the next scan moves.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

from django.conf import settings

from cameras.files.tree import Tree
from cameras.intake.incoming_file import Arrival
from cameras.models import Upload
from hsi.errors import HSIError

logger = logging.getLogger(__name__)


def path_for(arrival: Arrival) -> str:
    """Where the file goes, below the data folder."""
    suffix = re.sub(r"[^A-Za-z0-9.]+", "_", arrival.name)[-80:]
    return f"quarantine/{arrival.camera.pk}/{arrival.version_key[:16]}-{suffix}"


def move(tree: Tree, upload: Upload) -> None:
    """Move a rejected file away. Where that fails it stays, rejected all the same, until the next scan."""
    destination: Path = settings.DATA_DIR / upload.quarantine
    if tree.stamp(upload.path) != (upload.size, upload.mtime_ns):
        return  # written again meanwhile: that is another version, with a row of its own
    try:
        tree.move(upload.path, destination)
    except (OSError, HSIError) as error:
        logger.warning("%s stays in its folder, it could not be moved to the quarantine: %s", upload.path, error)


def finish_move(tree: Tree, upload: Upload) -> None:
    """The move that a crash cut off."""
    if upload.state == Upload.State.REJECTED and upload.quarantine:
        move(tree, upload)
