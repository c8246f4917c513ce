"""The real watcher in a thread of its own, over the folders of this data folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from django.db import connections

from cameras.intake.watcher import CameraWatcher


class ToldWatcher(CameraWatcher):
    """Says when it has begun: notifications are on and the first scan is done."""

    def __init__(self) -> None:
        super().__init__()
        self.began = Event()

    def step(self) -> float:
        pause = super().step()
        self.began.set()
        return pause


@contextmanager
def watcher() -> Iterator[CameraWatcher]:
    loop = ToldWatcher()
    thread = Thread(target=_run, args=(loop,), name="watcher")
    thread.start()
    try:
        if not loop.began.wait(30):
            raise TimeoutError("the watcher did not begin")
        yield loop
    finally:
        loop.stop()
        thread.join()


def _run(loop: CameraWatcher) -> None:
    try:
        loop.run()
    finally:
        connections.close_all()
