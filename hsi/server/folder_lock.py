"""One `up` a data folder: two would take the same files in, and answer for each other's loops."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from pathlib import Path
from typing import IO

from django.core.management.base import CommandError

logger = logging.getLogger(__name__)

NAME = "up.lock"
# What a file system says that knows no locks, such as some network shares.
UNSUPPORTED = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


def hold(folder: Path) -> IO[str]:
    """Take the folder until the returned file is closed or the process ends, however it ends. Raises CommandError."""
    try:
        file = (folder / NAME).open("a+", encoding="ascii", errors="replace")
    except OSError as error:
        raise CommandError(f"Cannot write to the data folder {folder}: {error.strerror}.") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CommandError(_taken(folder, file)) from None
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        logger.warning("The data folder cannot be locked: make sure that only one `up` runs on it. %s", error)
        return file
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def _taken(folder: Path, file: IO[str]) -> str:
    file.seek(0)
    number = file.read(20).strip()
    process = f" (process {number})" if number.isdigit() else ""
    return (
        f"Another `up` runs on the data folder {folder}{process}, and this one was not started. Stop that one first, or"
        " set HSI_DATA_DIR to a folder of its own."
    )
