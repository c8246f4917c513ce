"""Heartbeats: which loops run, since when, and their last progress."""

from __future__ import annotations

import logging
import os
import socket
import threading
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.db.models import QuerySet

from hsi.db import clock
from hsi.logs.redaction import redact
from hsi.models import WorkerHeartbeat
from hsi.queues import QueueUnavailableError

logger = logging.getLogger(__name__)

BEAT_SECONDS = 2.0
LONGEST_DETAIL = 500
# A loop without a heartbeat for this long has died or hangs.
SILENT_AFTER = timedelta(seconds=15)


def is_silent(worker: WorkerHeartbeat, now: datetime) -> bool:
    """Return whether a running loop has sent no heartbeat for too long. `now` is on the clock of the database."""
    return worker.state != WorkerHeartbeat.State.STOPPED and now - worker.beat_at > SILENT_AFTER


class Monitored(Protocol):
    """The interface of a loop for its heartbeat."""

    name: str
    done: int  # units of work
    without_queue: str  # why its queue is unavailable, or empty

    @property
    def progressed_at(self) -> datetime: ...

    def trouble(self) -> str:
        """Return what is wrong although it runs; empty where nothing is."""
        ...

    def keep_alive(self) -> None:
        """Keep what is in hand. May raise `QueueUnavailableError`."""
        ...


class Heartbeat:
    """Write the heartbeat of a loop every few seconds in a separate thread, and call its `keep_alive`."""

    def __init__(self, loop: Monitored) -> None:
        self.loop = loop
        self.host = socket.gethostname()
        self.key = f"{loop.name}@{self.host}:{os.getpid()}"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name=f"beat-{loop.name}", daemon=True)

    def __enter__(self) -> None:
        now = clock.now()  # heartbeats of several machines are compared
        WorkerHeartbeat.objects.update_or_create(
            name=self.key,
            defaults={
                "kind": self.loop.name, "host": self.host, "pid": os.getpid(), "detail": "",
                "state": WorkerHeartbeat.State.RUNNING, "started_at": now, "beat_at": now, "progressed_at": now,
            },
        )  # fmt: skip
        self._thread.start()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._ended.set()
        self._thread.join(BEAT_SECONDS)
        state = WorkerHeartbeat.State.FAILING if error else WorkerHeartbeat.State.STOPPED
        try:
            self._write(state, str(error or ""))
        except (DatabaseError, InterfaceError) as problem:
            logger.warning("%s: no last heartbeat: %s", self.key, problem)

    def _beat_on(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            try:
                self._keep_alive()
                trouble = self.loop.without_queue or self.loop.trouble()
                self._write(WorkerHeartbeat.State.FAILING if trouble else WorkerHeartbeat.State.RUNNING, trouble)
            except (DatabaseError, InterfaceError) as problem:
                logger.warning("%s: no heartbeat: %s", self.key, problem)
                connections.close_all()
        connections.close_all()

    def _keep_alive(self) -> None:
        try:
            self.loop.keep_alive()
        except QueueUnavailableError as problem:
            logger.warning("%s: leases are not kept: %s", self.key, problem)

    def _write(self, state: WorkerHeartbeat.State, detail: str) -> None:
        WorkerHeartbeat.objects.filter(name=self.key).update(
            state=state, detail=redact(detail)[:LONGEST_DETAIL], beat_at=clock.now(),
            progressed_at=self.loop.progressed_at, jobs_done=self.loop.done,
        )  # fmt: skip


def expired(now: datetime) -> QuerySet[WorkerHeartbeat]:
    """Return the rows of loops that ended long ago."""
    return WorkerHeartbeat.objects.filter(beat_at__lt=now - timedelta(days=settings.JOB_RETENTION_DAYS))
