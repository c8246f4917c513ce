"""The loop. Whatever waits for work, in every command, is one of these: it calls `step` until told to stop."""

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

LONGEST_SLEEP_SECONDS = 1.0  # a loop looks at least this often whether it should stop
RESTART_SECONDS = (1.0, 30.0)
QUEUE_AWAY_SECONDS = (0.2, 5.0)  # between looks whether a queue that is away has come back


class Loop:
    """A named loop. Subclasses give `step`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.done = 0
        # SimpleQueue, not Event: its put is safe in a signal handler while this thread waits on it.
        self._bell: stdlib_queue.SimpleQueue[None] = stdlib_queue.SimpleQueue()
        self._stopping = False
        self._ends_when_idle = False
        self._only_once = False
        self._progressed_at = timezone.now()
        self.cut_off = False  # whether it ended with work in hand: its threads may go on for as long as they like
        self.without_queue = ""  # why its queue cannot be reached, if that is so
        self._queue_pause = QUEUE_AWAY_SECONDS[0]

    def step(self) -> float:
        """Do one unit of work. Returns how many seconds may pass before the next: 0 is at once."""
        raise NotImplementedError

    def idle(self) -> bool:
        """Whether nothing waits, for `--drain`. Asked after a step that found nothing to do at once."""
        return True

    def open(self) -> None:
        """Called once before the first step, in the loop's thread."""

    def close(self) -> None:
        """Called once after the last step."""

    def keep_alive(self) -> None:
        """Called every few seconds, from the heartbeat's thread, also while a step takes long."""

    def attempt(self, work: Callable[[], Result], failed: Callable[[Exception], None]) -> Result | None:
        """Do one piece of work among others. What goes wrong with it is for `failed`, and ends nothing else."""
        try:
            return work()
        except Exception as error:
            failed(error)
            return None

    def wake(self) -> None:
        self._bell.put(None)

    def stop(self) -> None:
        """Finish what is in hand, then end. Safe in a signal handler and from any thread."""
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
        """`run`, started again with back-off when it fails. Ends when stopped."""
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
        """Nothing ends: what is in hand goes on, and what waits does so in its row."""
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
        """What is wrong with this loop although it runs; empty where nothing is. For its heartbeat."""
        return ""

    @property
    def progressed_at(self) -> datetime:
        return self._progressed_at


def drop_bad_connections() -> None:
    """After a unit of work: close this thread's connections that failed, or are older than `CONN_MAX_AGE`.

    One whose age is None stays open: to open SQLite costs as much as to store a picture. A pooled one goes back.
    """
    for connection in connections.all(initialized_only=True):
        if connection.errors_occurred or connection.settings_dict["CONN_MAX_AGE"] is not None:
            connection.close_if_unusable_or_obsolete()
