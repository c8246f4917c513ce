"""Free disk space, and the floor below which nothing is written.

The floor of every disk that the system writes to is the larger of DISK_FREE_FLOOR_BYTES and DISK_FREE_FLOOR_PERCENT.
Retention has a separate floor for the disk of the camera folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Floor:
    """The space to keep free on a disk: `min_bytes` or `percent` of the disk. The larger one applies."""

    min_bytes: int
    percent: float

    @classmethod
    def configured(cls) -> Floor:
        return cls(settings.DISK_FREE_FLOOR_BYTES, settings.DISK_FREE_FLOOR_PERCENT)

    def scaled(self, factor: float) -> Floor:
        return Floor(int(self.min_bytes * factor), self.percent * factor)


def disk_usage(folder: Path) -> tuple[int, int] | None:
    """Return the total and the free bytes of the disk that `folder` is on; None if the folder does not exist."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return usage.total, usage.free


def missing_bytes(folders: Iterable[Path], floor: Floor, *, incoming_bytes: int = 0) -> int:
    """Return how many bytes the fullest disk lacks to keep `floor` free, or 0.

    `incoming_bytes` counts as already written. A missing folder is skipped.
    """
    worst = 0
    for folder in folders:
        if usage := disk_usage(folder):
            total, free = usage
            needed = int(max(floor.min_bytes, total * floor.percent / 100)) + incoming_bytes
            worst = max(worst, needed - free)
    return worst
