"""A process to which disks are as full as a test says."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "HSI_TEST_DISK"
TOTAL_BYTES = 250 * 1024**3
# Python imports this by its name before anything of ours. The file says which percentage of every disk is used.
SITECUSTOMIZE = f"""
import os, shutil

def disk_usage(path):
    os.stat(path)
    with open(os.environ[{VARIABLE!r}]) as file:
        used = int({TOTAL_BYTES} * float(file.read()) / 100)
    return shutil._ntuple_diskusage({TOTAL_BYTES}, used, {TOTAL_BYTES} - used)

shutil.disk_usage = disk_usage
"""


class Disk:
    """`environment` is for a process that believes it."""

    def __init__(self, folder: Path, percent: float) -> None:
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
        self._file = folder / "used"
        self.is_used(percent)
        path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
        self.environment = {"PYTHONPATH": path, VARIABLE: str(self._file)}

    def is_used(self, percent: float) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(str(percent))
        new.replace(self._file)
