"""Prometheus metrics of all processes that share a data folder.

prometheus_client keeps the counters of each process in memory-mapped files, and adds the files of all processes up
when they are scraped. A process holds a lock for as long as it lives, so that the files of dead processes are found
on every machine and in every container that shares the folder. The files of the dead are merged into one file, because
a counter that went down would look like a restart.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from prometheus_client import REGISTRY, CollectorRegistry, values
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector

logger = logging.getLogger(__name__)

# The environment variable that prometheus_client reads.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
FOLDER_LOCK = "folder.lock"
DEAD = "dead"

_process = ""
_process_lock: IO[bytes] | None = None


def share(folder: Path) -> None:
    """Keep the metrics of this process in `folder`. Call this before the first metric is created.

    The first of several processes finds no other one alive, and starts with an empty folder. Where the folder cannot be
    written, metrics stay in the memory of this process.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.environ[FOLDER_VARIABLE] = str(folder)
        with _locked(folder):
            _remove_dead(folder)
        _begin_process()
    except OSError as error:
        os.environ.pop(FOLDER_VARIABLE, None)
        logger.warning("Metrics are not shared between processes: %s", error)
        return
    os.register_at_fork(after_in_child=_begin_process)
    values.ValueClass = values.MultiProcessValue(lambda: _process)


def collected() -> list[Metric]:
    """Return the metrics of all processes, added up; those of this process where they are not shared."""
    if FOLDER_VARIABLE not in os.environ:
        return list(REGISTRY.collect())
    folder = Path(os.environ[FOLDER_VARIABLE])
    with _locked(folder):
        _merge_dead(folder)
        return list(MultiProcessCollector(CollectorRegistry(), str(folder)).collect())


def _begin_process() -> None:
    """Name this process, and lock that name until the process ends.

    The name is part of file names, in which prometheus_client separates the fields by underscores.
    """
    global _process, _process_lock
    host = socket.gethostname().replace("_", "-")[:60]
    _process = f"{host}-{os.getpid()}-{secrets.token_hex(3)}"
    folder = Path(os.environ[FOLDER_VARIABLE])
    with _locked(folder):
        _process_lock = (folder / f"{_process}.lock").open("wb")
        fcntl.flock(_process_lock, fcntl.LOCK_EX)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / FOLDER_LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _processes(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of the processes that are alive, and of those that are dead."""
    alive, dead = [], []
    for path in folder.glob("*-*.lock"):
        with path.open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                alive.append(path.stem)
            else:
                dead.append(path.stem)
    return alive, dead


def _remove_dead(folder: Path) -> None:
    """Remove all files where no process is alive, and merge those of the dead otherwise."""
    alive, _ = _processes(folder)
    if alive:
        _merge_dead(folder)
        return
    for path in [*folder.glob("*.db"), *folder.glob("*-*.lock")]:
        path.unlink()


def _merge_dead(folder: Path) -> None:
    """Add the counters and histograms of dead processes to one file of each type. Gauges end with their process."""
    _, dead = _processes(folder)
    files = [path for process in dead for path in folder.glob(f"*_{process}.db")]
    for kind in ("counter", "histogram"):
        if dead_files := [path for path in files if path.name.startswith(f"{kind}_")]:
            _merge(dead_files, folder / f"{kind}_{DEAD}.db")
    for path in [*files, *(folder / f"{process}.lock" for process in dead)]:
        path.unlink()


def _merge(files: Iterable[Path], into: Path) -> None:
    """Add the values of `files` to the file `into`. The caller removes `files`."""
    new = into.with_suffix(".tmp")
    new.unlink(missing_ok=True)
    merged: Any = MmapedDict(str(new))
    sources = [str(path) for path in (*files, into) if path.exists()]
    for metric in MultiProcessCollector.merge(sources, accumulate=False):
        for sample in metric.samples:
            labels = sample.labels
            key = mmap_key(metric.name, sample.name, list(labels), list(labels.values()), metric.documentation)
            merged.write_value(key, sample.value, 0.0)
    merged.close()
    new.replace(into)
