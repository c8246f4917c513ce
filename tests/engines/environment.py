"""The environment of a test run: nothing of the developer's settings, files or folders gets in."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hsi.config.options import SETTINGS

ROOT = Path(__file__).resolve().parent.parent.parent
OTHERS = (
    "DJANGO_SUPERUSER_USERNAME",
    "DJANGO_SUPERUSER_PASSWORD",
    "DJANGO_SUPERUSER_EMAIL",
    "PROMETHEUS_MULTIPROC_DIR",
)


@contextmanager
def isolated() -> Iterator[Path]:
    """A new data folder that is also the working folder, so that no `.env` is found; removed after the block.

    Child processes inherit all of it: they import this project from anywhere and read no file of ours.
    """
    before, place = dict(os.environ), Path.cwd()
    folder = Path(tempfile.mkdtemp(prefix="hsi-tests-"))
    for name in (*(setting.name for setting in SETTINGS), *OTHERS):
        os.environ.pop(name, None)
    os.environ["TIME_ZONE"] = "UTC"  # and not the zone of the machine that the tests run on
    os.environ["HSI_DATA_DIR"] = str(folder / "data")
    os.environ["HSI_RUNTIME_ENV_PATH"] = str(folder / "runtime.env")
    (folder / "runtime.env").touch()
    os.environ["PYTHONPATH"] = str(ROOT)
    os.chdir(folder)
    try:
        yield folder
    finally:
        os.chdir(place)
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(folder, ignore_errors=True)
