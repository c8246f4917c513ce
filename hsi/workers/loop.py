"""The base class of every worker loop. A loop calls `step` until it is stopped."""

from __future__ import annotations

import logging
import queue as stdlib_queue
import random
import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from django.db import connections
from django.utils import timezone

from hsi.queues import QueueUnavailableError
from hsi.workers.heartbeat import Heartbeat

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

LONGEST_SLEEP_SECONDS = 1.0  # a loop checks at least this often whether it should stop
RESTART_SECONDS = (1.0, 30.0)
QUEUE_AWAY_SECONDS = (0.2, 5.0)  # between checks whether an unavailable queue is back


class Loop:
    """A named loop. Subclasses implement `step`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.done = 0
        # Use SimpleQueue instead of Event, because its put is safe in a signal handler while this thread waits.
        self._bell: stdlib_queue.SimpleQueue[None] = stdlib_queue.SimpleQueue()
        self._stopping = False
        self._ends_when_idle = False
        self._only_once = False
        self._progressed_at = timezone.now()
        self.cut_off = False  # whether it ended with running work; its threads may continue
        self.without_queue = ""  # why its queue is unavailable, or empty
        self._queue_pause = QUEUE_AWAY_SECONDS[0]

    def step(self) -> float:
        """Do one unit of work. Return the seconds until the next one; 0 means immediately."""
        raise NotImplementedError

    def idle(self) -> bool:
        """Return whether no work waits, for `--drain`. Called after a step that found no immediate work."""
        return True

    def open(self) -> None:
        """Prepare the loop. Called once before the first step, in the thread of the loop."""

    def close(self) -> None:
        """Clean up. Called once after the last step."""

    def keep_alive(self) -> None:
        """Extend running work. Called every few seconds from the heartbeat thread, also during a long step."""

    def attempt(self, work: Callable[[], Result], failed: Callable[[Exception], None]) -> Result | None:
        """Do one of several pieces of work. Pass an error to `failed`, so that it does not stop the others."""
        try:
            return work()
        except Exception as error:
            failed(error)
            return None

    def wake(self) -> None:
        self._bell.put(None)

    def stop(self) -> None:
        """Finish the running work, then end. Safe in a signal handler and from any thread."""
        self._stopping = True
        self._bell.put(None)

    @property
    def stopping(self) -> bool:
        return self._stopping

    def run(self, *, once: bool = False, drain: bool = False) -> None:
        """Step until stopped; one step with `once`, until `idle` with `drain`."""
        self._ends_when_idle = once or drain
        self._only_once = once
        with Heartbeat(self):
            self.open()
            try:
                while not self._stopping:
                    pause = self._step()
                    self._progressed_at = timezone.now()
                    drop_bad_connections()
                    if once or (drain and pause > 0 and not self.without_queue and self.idle()):
                        return
                    if pause > 0:
                        self._sleep(pause)
            finally:
                self.close()

    def run_forever(self) -> None:
        """Call `run` until stopped. Restart it with back-off after a failure."""
        pause, longest = RESTART_SECONDS
        while not self._stopping:
            began = time.monotonic()
            try:
                self.run()
            except Exception:
                logger.exception("%s failed and starts again in %.0f s", self.name, pause)
                connections.close_all()
                self._sleep_until(time.monotonic() + pause)
                pause = RESTART_SECONDS[0] if time.monotonic() - began > longest * 2 else min(pause * 2, longest)
        connections.close_all()

    def _step(self) -> float:
        try:
            pause = self.step()
        except QueueUnavailableError as error:
            return self._wait_for_queue(error)
        if self.without_queue:
            logger.info("%s: its queue is back", self.name)
            self.without_queue = ""
        self._queue_pause = QUEUE_AWAY_SECONDS[0]
        return pause

    def _wait_for_queue(self, error: QueueUnavailableError) -> float:
        """Wait until the queue is back. Running work continues, and waiting work stays in its rows."""
        if not self.without_queue:
            logger.warning("%s: waits for its queue: %s", self.name, error)
        self.without_queue = str(error)
        pause, self._queue_pause = self._queue_pause, min(self._queue_pause * 2, QUEUE_AWAY_SECONDS[1])
        return pause * random.uniform(0.5, 1)

    def _sleep(self, seconds: float) -> None:
        try:
            self._bell.get(timeout=seconds)
            while True:
                self._bell.get_nowait()
        except stdlib_queue.Empty:
            pass

    def _sleep_until(self, then: float) -> None:
        while not self._stopping and (left := then - time.monotonic()) > 0:
            self._sleep(min(left, LONGEST_SLEEP_SECONDS))

    def trouble(self) -> str:
        """Return what is wrong with this running loop, or an empty string, for its heartbeat."""
        return ""

    @property
    def progressed_at(self) -> datetime:
        return self._progressed_at


def drop_bad_connections() -> None:
    """Close the connections of this thread that failed, or are older than `CONN_MAX_AGE`, after a unit of work.

    A connection without a maximum age stays open, because opening SQLite costs as much as storing a picture. A pooled
    one returns to the pool.
    """
    for connection in connections.all(initialized_only=True):
        if connection.errors_occurred or connection.settings_dict["CONN_MAX_AGE"] is not None:
            connection.close_if_unusable_or_obsolete()
