"""A process whose clock is wrong, and may jump: the wall clock only, as when a person or a time server sets it."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "HSI_TEST_CLOCK"
# Python imports this by its name before anything of ours. The file says how many seconds the clock is off.
SITECUSTOMIZE = f"""
import datetime, os, time
from django.utils import timezone

real_time, real_now = time.time, timezone.now

def off():
    with open(os.environ[{VARIABLE!r}]) as file:
        return float(file.read())

time.time = lambda: real_time() + off()
timezone.now = lambda: real_now() + datetime.timedelta(seconds=off())
"""


class Clock:
    """`command` goes before that of a process whose clock is `hours` ahead."""

    def __init__(self, folder: Path, hours: float) -> None:
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
        self._file = folder / "off"
        self.hours = 0.0
        self.jump(hours)
        path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
        self.command = ["env", f"PYTHONPATH={path}", f"{VARIABLE}={self._file}"]

    def jump(self, hours: float) -> None:
        """Set it by so many hours, while the process runs."""
        self.hours += hours
        new = self._file.with_suffix(".new")
        new.write_text(str(self.hours * 3600))
        new.replace(self._file)
