"""Files with a second name. A user can give one to a file that is not theirs to read, and put it where we read it."""

from __future__ import annotations

import os
from typing import BinaryIO

from hsi.errors import HSIError


class HardLinkedError(HSIError):
    """The file has a second name (hard link), so it is not read. Copy it into the camera's folder instead."""

    code = "FILE_LINKED"
    status = 404
    # A writer that renames by linking leaves two names for a moment: it is tried again.

    def __init__(self, status_of_file: os.stat_result) -> None:
        super().__init__()
        self.status_of_file = status_of_file


def with_one_name(file: BinaryIO) -> BinaryIO:
    """The file that was opened, judged by itself: between a look at a name and opening it, the name could change.

    Raises `HardLinkedError`, with the file closed.
    """
    status = os.fstat(file.fileno())
    if status.st_nlink > 1:
        file.close()
        raise HardLinkedError(status)
    return file
