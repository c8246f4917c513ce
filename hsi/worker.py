"""The worker loop. Every command that waits for work is one of these.

A `Loop` calls its `step` until told to stop. A `QueueWorker` is a loop whose step takes jobs from a
queue, works on them with bounded concurrency, keeps their leases alive, and sees to it that each
ends acknowledged, tried again later, or buried as a dead letter.
"""

from __future__ import annotations

import logging
import queue as stdlib_queue
import random
import time
import traceback
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections, transaction
from django.utils import timezone

from hsi import crashpoint
from hsi.errors import AIServiceError, HSIError
from hsi.heartbeat import Heartbeat
from hsi.queues import Failure, Job, LeaseLostError, get_queue

logger = logging.getLogger(__name__)

LONGEST_SLEEP_SECONDS = 1.0  # a loop looks at least this often whether it should stop
LOOK_SECONDS = 0.1  # how long a free slot waits for another one's work before it looks for a job itself
RESTART_SECONDS = (1.0, 30.0)
RETRY_SECONDS = (2.0, 300.0)


class Loop:
    """A named loop. Subclasses give `step`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.done = 0
        # SimpleQueue, not Event: its put is safe in a signal handler while this thread waits on it.
        self._bell: stdlib_queue.SimpleQueue[None] = stdlib_queue.SimpleQueue()
        self._stopping = False
        self._ends_when_idle = False
        self._progressed_at = timezone.now()

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
        with Heartbeat(self):
            self.open()
            try:
                while not self._stopping:
                    pause = self.step()
                    self._progressed_at = timezone.now()
                    drop_bad_connections()
                    if once or (drain and pause > 0 and self.idle()):
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

    @property
    def progressed_at(self) -> datetime:
        return self._progressed_at


class QueueWorker(Loop):
    """Takes jobs of one queue. `work(job)` stores the result and acknowledges in one transaction.

    `bury(row_id, reason)` is called in the transaction that buries a job, to mark its row.
    `ready()` is how many seconds to take nothing, because what the jobs need is away; they wait in the queue.
    A job in hand when its process dies is taken by another when the lease ends; the lease of a job
    that takes long is kept alive.
    """

    def __init__(
        self,
        name: str,
        queue_name: str,
        work: Callable[[Job], None],
        bury: Callable[[int, str], None],
        *,
        concurrency: int = 1,
        ready: Callable[[], float] = lambda: 0,
    ) -> None:
        super().__init__(name)
        self.queue_name = queue_name
        self.work = work
        self.bury = bury
        self.concurrency = concurrency
        self.ready = ready
        self._in_hand: dict[Future[None], Job] = {}
        self._pool: ThreadPoolExecutor | None = None

    def open(self) -> None:
        self._pool = ThreadPoolExecutor(self.concurrency, thread_name_prefix=self.name)

    def close(self) -> None:
        """Finish what is in hand, for as long as the grace time allows."""
        if self._in_hand:
            wait(self._in_hand, timeout=settings.SHUTDOWN_GRACE_SECONDS)
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._collect()
        connections.close_all()

    def idle(self) -> bool:
        return not self._in_hand and get_queue(self.queue_name).depth().total == 0

    def step(self) -> float:
        self._collect()
        free = self.concurrency - len(self._in_hand)
        if free <= 0:
            wait(self._in_hand, timeout=LONGEST_SLEEP_SECONDS, return_when=FIRST_COMPLETED)
            return 0
        not_before = self.ready()
        jobs = [] if not_before > 0 else self._take(free)
        for job in jobs:
            assert self._pool is not None  # noqa: S101 (open() came first)
            self._in_hand[self._pool.submit(self._do, job)] = job
        if not jobs and self._in_hand:
            wait(self._in_hand, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
        return 0 if jobs or self._in_hand else min(max(not_before, 0.001), LONGEST_SLEEP_SECONDS)

    def _take(self, limit: int) -> list[Job]:
        # With work in hand, only look: the wait is for the first of it to end.
        only_look = self._in_hand or (self._ends_when_idle and self.idle())
        patience = 0 if only_look else LONGEST_SLEEP_SECONDS
        return get_queue(self.queue_name).take(limit, wait_seconds=patience, lease_seconds=settings.JOB_LEASE_SECONDS)

    def _collect(self) -> None:
        for future in [future for future in self._in_hand if future.done()]:
            del self._in_hand[future]
            if not future.cancelled():
                future.result()

    def keep_alive(self) -> None:
        """Keep the leases of what is in hand."""
        get_queue(self.queue_name).extend(list(self._in_hand.values()), settings.JOB_LEASE_SECONDS)

    def _do(self, job: Job) -> None:
        """One job, from taken to acknowledged, retried or buried. The one place that catches everything."""
        drop_bad_connections()
        crashpoint.reach(f"{self.queue_name}-taken")
        try:
            self.work(job)
            self.done += 1
        except LeaseLostError:
            logger.info("%s: row %s was given to another worker", self.queue_name, job.row_id)
        except (DatabaseError, InterfaceError) as error:
            self._database_failed(job, error)
        except Exception as error:
            self._failed(job, error)
        finally:
            drop_bad_connections()

    def _database_failed(self, job: Job, error: Exception) -> None:
        """The database did not take the result. The lease brings the job back; say so and go on."""
        logger.error("%s: row %s not stored, will be tried again: %s", self.queue_name, job.row_id, error)
        connections.close_all()
        try:
            self._failed(job, error)
        except (DatabaseError, InterfaceError) as again:
            logger.warning("%s: row %s comes back when its lease ends: %s", self.queue_name, job.row_id, again)

    def _failed(self, job: Job, error: Exception) -> None:
        retryable = error.retryable if isinstance(error, HSIError) else True
        counts = error.counts if isinstance(error, HSIError) else True
        if retryable and (not counts or job.attempts < settings.JOB_MAX_ATTEMPTS):
            delay = retry_delay_seconds(job.attempts, error)
            logger.warning(
                "%s: row %s, attempt %s failed, again in %.0f s: %s: %s",
                self.queue_name, job.row_id, job.attempts, delay, type(error).__name__, error,
            )  # fmt: skip
            self._give_back(job, delay, error, counts)
            return
        reason = "attempts" if retryable else "refused"
        logger.error(
            "%s: row %s becomes a dead letter: %s: %s", self.queue_name, job.row_id, type(error).__name__, error
        )
        stack = "".join(traceback.format_exception(error))
        try:
            with transaction.atomic():
                self.bury(job.row_id, f"{type(error).__name__}: {error}"[:300])
                get_queue(self.queue_name).bury(job, reason, error, stack=stack)
        except LeaseLostError:
            logger.info("%s: row %s was given to another worker", self.queue_name, job.row_id)

    def _give_back(self, job: Job, delay: float, error: Exception, counts: bool) -> None:
        try:
            get_queue(self.queue_name).retry(job, delay, Failure.of(error), counts=counts)
        except LeaseLostError:
            logger.info("%s: row %s was given to another worker", self.queue_name, job.row_id)


def drop_bad_connections() -> None:
    """After a unit of work: close this thread's connections that failed, or are older than `CONN_MAX_AGE`.

    One without an age stays open, unlike after a request: to open SQLite costs as much as a picture's rows.
    """
    for connection in connections.all(initialized_only=True):
        if connection.errors_occurred or connection.settings_dict["CONN_MAX_AGE"]:
            connection.close_if_unusable_or_obsolete()


def retry_delay_seconds(attempts: int, error: Exception) -> float:
    """Exponential back-off with jitter (half to full), or what the service asked for."""
    if isinstance(error, AIServiceError) and error.retry_after_seconds is not None:
        return error.retry_after_seconds
    first, longest = RETRY_SECONDS
    if isinstance(error, HSIError) and not error.counts:
        longest = 30.0  # a service that is away may be back any moment
    return float(min(longest, first * 2 ** min(attempts - 1, 30)) * random.uniform(0.5, 1))
