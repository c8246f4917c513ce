"""A worker takes jobs from a queue and ends each one: acknowledged, retried later, or a dead letter."""

from __future__ import annotations

import logging
import random
import time
import traceback
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connections, transaction

from hsi import failpoints
from hsi.db import clock
from hsi.errors import AIServiceError, HSIError
from hsi.logs import context
from hsi.logs.redaction import redact
from hsi.metrics import histograms
from hsi.queues import (
    ANALYSIS_QUEUE,
    DETECTION_QUEUE,
    Failure,
    Job,
    JobHandler,
    LeaseLostError,
    QueueName,
    QueueUnavailableError,
    get_queue,
    pauses,
)
from hsi.workers.loop import LONGEST_SLEEP_SECONDS, Loop, drop_bad_connections

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.1  # seconds that a free slot waits for other slots before it polls for a job itself
RETRY_SECONDS = (2.0, 300.0)
WAITS = {DETECTION_QUEUE: "detection_wait", ANALYSIS_QUEUE: "analysis_wait"}  # the stage of the waiting time of a job
# These errors concern the database, not the job.
CONNECTION_ERRORS = (OperationalError, InterfaceError)


class WorkerLostError(HSIError):
    """Every worker that took this job was lost, up to the maximum number of attempts."""

    code = "WORKER_LOST"
    retryable = False


class StoppedError(HSIError):
    """The process was stopped and the job did not finish within the grace period."""

    code = "STOPPED"
    counts = False


@dataclass(frozen=True, slots=True)
class Held:
    """A running job, and its start (monotonic seconds)."""

    job: Job
    since: float


@dataclass(slots=True)
class Slot:
    """The place of one thread for a job. Empty while it polls for the next one."""

    held: Held | None


class QueueWorker(Loop):
    """Take the jobs of one queue for its `handler`.

    `ready()` returns how many seconds to take no job, because a service is unavailable; jobs wait in the queue. When a
    process dies, another worker takes its jobs after their leases expire. The lease of a long job is extended.
    """

    def __init__(
        self,
        name: str,
        queue_name: QueueName,
        handler: JobHandler,
        *,
        concurrency: int = 1,
        ready: Callable[[], float] = lambda: 0,
    ) -> None:
        super().__init__(name)
        self.queue_name = queue_name
        self.handler = handler
        self.concurrency = concurrency
        self.ready = ready
        self._in_hand: dict[Future[None], Slot] = {}
        self._closing = False
        self._pool: ThreadPoolExecutor | None = None

    def open(self) -> None:
        self._closing = False
        self._pool = ThreadPoolExecutor(self.concurrency, thread_name_prefix=self.name)

    def close(self) -> None:
        """Finish what is in hand, for as long as the grace time allows. Another worker has the rest at once."""
        self._closing = True
        if self._in_hand:
            wait(self._in_hand, timeout=settings.SHUTDOWN_GRACE_SECONDS)
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._collect()
        for held in self._held():
            self.cut_off = True
            self._hand_over(held.job)
        connections.close_all()

    def _hand_over(self, job: Job) -> None:
        """Release the running jobs. Results that our threads still produce cannot be stored."""
        logger.warning("%s: row %s is not finished and goes to another worker", self.queue_name, job.row_id)
        try:
            self._give_back(job, 0, StoppedError(), counts=False)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("%s: row %s comes back when its lease ends: %s", self.queue_name, job.row_id, error)

    def idle(self) -> bool:
        """Return whether no job waits. Jobs of a paused queue do not count."""
        if self._in_hand:
            return False
        return pauses.is_paused(self.queue_name) or get_queue(self.queue_name).depth().total == 0

    def _wait_seconds(self) -> float:
        return max(pauses.wait_seconds(self.queue_name), self.ready())

    def step(self) -> float:
        self._collect()
        free = self.concurrency - len(self._in_hand)
        if free <= 0:
            wait(self._in_hand, timeout=LONGEST_SLEEP_SECONDS, return_when=FIRST_COMPLETED)
            return 0
        not_before = self._wait_seconds()
        jobs = [] if not_before > 0 else self._take(free)
        for job in jobs:
            assert self._pool is not None  # noqa: S101 (open() came first)
            slot = Slot(Held(job, time.monotonic()))
            self._in_hand[self._pool.submit(self._do_in_a_row, slot)] = slot
        if not jobs and self._in_hand:
            wait(self._in_hand, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
        return 0 if jobs or self._in_hand else min(max(not_before, 0.001), LONGEST_SLEEP_SECONDS)

    def _take(self, limit: int) -> list[Job]:
        # With running work, do not wait for jobs: wait until the first running job ends.
        only_look = self._in_hand or (self._ends_when_idle and self.idle())
        patience = 0 if only_look else LONGEST_SLEEP_SECONDS
        return get_queue(self.queue_name).take(limit, wait_seconds=patience, lease_seconds=settings.JOB_LEASE_SECONDS)

    def _collect(self) -> None:
        for future in [future for future in self._in_hand if future.done()]:
            del self._in_hand[future]
            if not future.cancelled():
                future.result()

    def keep_alive(self) -> None:
        """Extend the leases of running jobs, except hung ones, which another worker may take."""
        oldest = time.monotonic() - settings.JOB_MAX_SECONDS
        jobs = [held.job for held in self._held() if held.since > oldest]
        get_queue(self.queue_name).extend(jobs, settings.JOB_LEASE_SECONDS)

    def trouble(self) -> str:
        oldest = time.monotonic() - settings.JOB_MAX_SECONDS
        hanging = [str(held.job.row_id) for held in self._held() if held.since <= oldest]
        return f"hangs on row {', '.join(hanging)}" if hanging else ""

    def _held(self) -> list[Held]:
        slots = list(self._in_hand.values())
        return [held for held in (slot.held for slot in slots) if held]

    def _do_in_a_row(self, slot: Slot) -> None:
        """Run the job of the slot, then further waiting jobs, so that the loop thread need not assign each one."""
        while slot.held:
            job = slot.held.job
            with context.bound(request=job.trace, queue=job.queue, row=job.row_id):
                self._do(job)
            slot.held = None
            if following := self._next():
                slot.held = Held(following, time.monotonic())

    def _next(self) -> Job | None:
        """Return the next job, if one waits. The polling of the loop reports errors."""
        if self._stopping or self._closing or self._only_once:
            return None
        jobs: list[Job] = []
        try:
            if self._wait_seconds() <= 0:
                queue = get_queue(self.queue_name)
                jobs = queue.take(1, wait_seconds=0, lease_seconds=settings.JOB_LEASE_SECONDS)
        except (QueueUnavailableError, DatabaseError, InterfaceError):
            pass
        if not jobs:  # the thread ends or idles, so others can use its connection
            drop_bad_connections()
            return None
        return jobs[0]

    def _do(self, job: Job) -> None:
        """Run one job until it is acknowledged, retried or dead. Only this method catches every error."""
        drop_bad_connections()
        failpoints.reach(f"{self.queue_name}-taken")
        try:
            if job.attempts > settings.JOB_MAX_ATTEMPTS:
                raise WorkerLostError
            if job.attempts == 1 and self.queue_name in WAITS:  # later attempts waited on purpose
                histograms.stage(WAITS[self.queue_name], clock.now().timestamp() - job.enqueued_at)
            self.handler.work(job)
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
        """Log that the database did not accept the result. The job returns when its lease expires."""
        histograms.count(histograms.ERRORS, "DATABASE_UNAVAILABLE")
        logger.error("%s: row %s not stored, will be tried again: %s", self.queue_name, job.row_id, error)
        connections.close_all()
        try:
            self._failed(job, error)
        except (DatabaseError, InterfaceError) as again:
            logger.warning("%s: row %s comes back when its lease ends: %s", self.queue_name, job.row_id, again)

    def _failed(self, job: Job, error: Exception) -> None:
        if not isinstance(error, (DatabaseError, InterfaceError)):
            histograms.count(histograms.ERRORS, error.code if isinstance(error, HSIError) else HSIError.code)
        retryable = error.retryable if isinstance(error, HSIError) else True
        counts = error.counts if isinstance(error, HSIError) else not isinstance(error, CONNECTION_ERRORS)
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
                self.handler.on_dead(job.row_id, redact(f"{type(error).__name__}: {error}")[:300])
                get_queue(self.queue_name).mark_dead(job, reason, error, stack=stack)
        except LeaseLostError:
            logger.info("%s: row %s was given to another worker", self.queue_name, job.row_id)
        except QueueUnavailableError as away:
            logger.warning("%s: row %s comes back when its lease ends: %s", self.queue_name, job.row_id, away)

    def _give_back(self, job: Job, delay: float, error: Exception, counts: bool) -> None:
        try:
            get_queue(self.queue_name).retry(job, delay, Failure.of(error), counts=counts)
        except LeaseLostError:
            logger.info("%s: row %s was given to another worker", self.queue_name, job.row_id)
        except QueueUnavailableError as away:
            logger.warning("%s: row %s comes back when its lease ends: %s", self.queue_name, job.row_id, away)


def retry_delay_seconds(attempts: int, error: Exception) -> float:
    """Return an exponential back-off with jitter (half to full), or the delay that the service requested."""
    if isinstance(error, AIServiceError) and error.retry_after_seconds is not None:
        return error.retry_after_seconds
    first, longest = RETRY_SECONDS
    if isinstance(error, HSIError) and not error.counts:
        longest = 30.0  # an unavailable service may be back at any moment
    return float(min(longest, first * 2 ** min(attempts - 1, 30)) * random.uniform(0.5, 1))
