"""A circuit breaker for each AI service, one row that all processes share.

Closed: calls go through, and failures in a row are counted. Open: no call goes out until a time has passed. Half-
open: a bounded number of calls goes out on trial, over all processes; enough successes close the breaker, one failure
opens it again. A claim to a trial ends by itself, so that a process that dies with one blocks nothing for long.

Failures are what speaks against the service (`AIServiceError.against_service`): not there, time-outs,
5xx, busy, a wrong key, no JSON. An input that it refuses (4xx) and the prose of a language model show
that it answers: they open nothing, and are counted in a row for the health report. Any other exception says nothing.

A call while closed costs no write, and one small read a second and process. No library does this:
pybreaker and purgatory let every process try at once while half-open, and share their state by Redis only.
"""

from __future__ import annotations

import logging
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import cast

from django.conf import settings
from django.db import DatabaseError, InterfaceError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from hsi import audit
from hsi.errors import AIServiceError, CircuitOpenError
from hsi.logs.redaction import redact
from hsi.models import CircuitBreaker
from hsi.outbox import publish
from hsi.outbox.messages import BreakerState, service_status

logger = logging.getLogger(__name__)

State = CircuitBreaker.State
LOOK_SECONDS = 1.0  # what was read of a row is believed this long
TRIAL_WAIT_SECONDS = 1.0  # how long to wait when every trial is taken
REFUSED_SECONDS = 30.0  # a job that was refused waits no longer before it asks again: a person may have reset it
JITTER_SECONDS = 2.0  # jobs that wait for a service do not come back at the same moment


@dataclass(frozen=True, slots=True)
class _View:
    """A breaker as it was last read. Times are of `time.monotonic`."""

    state: str
    failures: int
    unusable: int
    wait_until: float  # before that, no call would be let through
    read_at: float


@dataclass(frozen=True, slots=True)
class Limits:
    """So many failures in a row open it, it rests so long, and so many successes on trial close it."""

    failures: int
    rest_seconds: float
    successes: int


class Breaker:
    """The breaker of one service, as one process sees it. Shared between threads.

    `clock` replaces the database's; `look_seconds` is how old its knowledge may be.
    """

    def __init__(
        self, name: str, *, clock: Callable[[], datetime] | None = None, look_seconds: float = LOOK_SECONDS
    ) -> None:
        self.name = name
        self._clock = clock
        self._look_seconds = look_seconds
        self._lock = threading.Lock()
        self._view: _View | None = None

    def wait_seconds(self) -> float:
        """How long until a call may be let through; 0 is now."""
        view = self._look()
        return 0.0 if view.state == State.CLOSED else max(0.0, view.wait_until - time.monotonic())

    @contextmanager
    def guard(self, longest_seconds: float) -> Iterator[None]:
        """Make one call inside, of at most `longest_seconds`. Raises `CircuitOpenError` instead where it must wait."""
        trial = self.enter(longest_seconds)
        try:
            yield
        except AIServiceError as error:
            self._record(self.failed if error.against_service else self.answered, trial, error)
            raise
        except BaseException as error:
            if trial:
                self._record(self.ended, trial, error)
            raise
        self._record(self.answered, trial)

    def enter(self, longest_seconds: float) -> str:
        """The token of a trial call, or "" while closed. Raises `CircuitOpenError`."""
        view = self._look()
        if view.state == State.CLOSED:
            return ""
        if (left := view.wait_until - time.monotonic()) > 0:
            raise self._refusal(left)
        return self._claim(longest_seconds)

    def failed(self, trial: str, error: BaseException) -> None:
        """The call spoke against the service. What began before the breaker last changed is not heard."""
        with self._locked() as (row, now):
            if row.trials.pop(trial, None) is None if trial else row.state != State.CLOSED:
                return
            row.failures += 1
            row.last_failed_at, row.last_error = now, _said(error)
            limits = self._limits()
            if row.state == State.HALF_OPEN or row.failures >= limits.failures:
                rest = max(limits.rest_seconds, getattr(error, "retry_after_seconds", None) or 0.0)
                row.retry_at = now + timedelta(seconds=rest)
                self._change(row, State.OPEN, now, getattr(error, "code", ""))
            else:
                self._save(row, now)

    def answered(self, trial: str, error: BaseException | None = None) -> None:
        """The service answers; with `error`, in a way that could not be used. While all is well nothing is written."""
        if not trial and error is None:
            self._forget()
            return
        with self._locked() as (row, now):
            if trial and row.trials.pop(trial, None) is None:
                return
            row.unusable = row.unusable + 1 if error else 0
            row.last_unusable, row.successes = _said(error) if error else row.last_unusable, row.successes + bool(trial)
            if not trial and row.state == State.CLOSED:
                row.failures = 0
            if trial and row.successes >= self._limits().successes:
                self._change(row, State.CLOSED, now)
            else:
                self._save(row, now)

    def ended(self, trial: str, error: BaseException | None = None) -> None:
        """A trial call came to nothing that says how the service is: another may try."""
        with self._locked() as (row, now):
            if row.trials.pop(trial, None) is not None:
                self._save(row, now)

    def reset(self) -> bool:
        """Close it by hand; whether it was not closed."""
        with self._locked() as (row, now):
            was_closed = row.state == State.CLOSED
            if not was_closed:
                before = {"state": row.state, "failures": row.failures, "last_error": row.last_error}
                audit.record("breaker_reset", f"breaker {self.name}", before=before, after={"state": "closed"})
            if was_closed:
                row.failures = 0
                self._save(row, now)
            else:
                self._change(row, State.CLOSED, now, "RESET")
            return not was_closed

    def _claim(self, longest_seconds: float) -> str:
        with self._locked() as (row, now):
            if row.state == State.CLOSED:
                self._seen(row, now)
                return ""
            opening = row.state == State.OPEN
            row.trials = live_trials(row, now)
            if (left := _left(row, now)) > 0:
                self._seen(row, now)
                raise self._refusal(left)
            token = secrets.token_hex(8)
            row.trials[token] = now.timestamp() + longest_seconds
            if opening:
                self._change(row, State.HALF_OPEN, now)
            else:
                self._save(row, now)
            return token

    def _change(self, row: CircuitBreaker, state: State, now: datetime, reason: str = "") -> None:
        row.state, row.changed_at, row.successes = state, now, 0
        if state == State.CLOSED:
            row.failures = 0
            row.unusable = 0 if reason else row.unusable  # closed by hand
        if state != State.OPEN:
            row.retry_at = None
        if state != State.HALF_OPEN:
            row.trials = {}
        self._save(row, now)
        level = logging.WARNING if state == State.OPEN else logging.INFO
        logger.log(level, "The breaker of %s is %s. %s", row.name, row.get_state_display(), reason)
        self._tell(row, reason)

    # What follows is where the row is kept, and who is told. `hsi.circuit_breaker` does it otherwise.

    def _limits(self) -> Limits:
        return Limits(
            settings.CIRCUIT_FAILURE_THRESHOLD,
            settings.CIRCUIT_RECOVERY_TIMEOUT_SECONDS,
            settings.CIRCUIT_SUCCESS_THRESHOLD,
        )

    def _tell(self, row: CircuitBreaker, reason: str) -> None:
        closed = row.state == State.CLOSED
        data = service_status(
            row.name,
            "healthy" if closed else "degraded",
            reason=reason,
            detail=f"The breaker is {row.get_state_display()}.",
            breaker=cast(BreakerState, str(row.state)),
            retry_at=row.retry_at,
        )
        publish.publish(("service.status", "", data))

    def _save(self, row: CircuitBreaker, now: datetime) -> None:
        row.save()
        self._seen(row, now)

    @contextmanager
    def _locked(self) -> Iterator[tuple[CircuitBreaker, datetime]]:
        """The row, locked until the end, and the time."""
        with transaction.atomic():
            CircuitBreaker.objects.get_or_create(name=self.name)
            row = CircuitBreaker.objects.select_for_update().annotate(at=Now()).get(name=self.name)
            yield row, self._clock() if self._clock else row.at

    def _look(self) -> _View:
        with self._lock:
            if self._view is None or time.monotonic() - self._view.read_at >= self._look_seconds:
                return self._seen(*self._read())
            return self._view

    def _read(self) -> tuple[CircuitBreaker, datetime]:
        """The row as it is, and the time."""
        row = CircuitBreaker.objects.annotate(at=Now()).filter(name=self.name).first()
        if row is None:
            return CircuitBreaker(name=self.name), timezone.now()
        return row, self._clock() if self._clock else row.at

    def _seen(self, row: CircuitBreaker, now: datetime) -> _View:
        at = time.monotonic()
        self._view = _View(row.state, row.failures, row.unusable, at + _left(row, now), at)
        return self._view

    def _forget(self) -> None:
        view = self._look()
        if view.state == State.CLOSED and (view.failures or view.unusable):
            self._clear()
            self._view = _View(State.CLOSED, 0, 0, view.wait_until, view.read_at)

    def _clear(self) -> None:
        CircuitBreaker.objects.filter(name=self.name, state=State.CLOSED).update(failures=0, unusable=0)

    def _record(self, what: Callable[..., None], *arguments: object) -> None:
        """Best effort: what a breaker cannot note must not undo a call that was made."""
        try:
            what(*arguments)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The breaker of %s could not be written: %s", self.name, error)

    def _refusal(self, left: float) -> CircuitOpenError:
        wait = min(left, REFUSED_SECONDS) + random.uniform(0, JITTER_SECONDS)
        return CircuitOpenError(f"{self.name} is left alone", service=self.name, retry_after_seconds=wait)


def _said(error: BaseException) -> str:
    return redact(f"{type(error).__name__}: {error}".replace("\0", ""))[:500]


def live_trials(row: CircuitBreaker, now: datetime) -> dict[str, float]:
    """The trial calls on their way whose claim has not ended."""
    return {token: ends_at for token, ends_at in row.trials.items() if ends_at > now.timestamp()}


def _left(row: CircuitBreaker, now: datetime) -> float:
    """How many seconds no call is let through."""
    if row.state == State.OPEN and row.retry_at:
        return max(0.0, (row.retry_at - now).total_seconds())
    if row.state == State.HALF_OPEN and len(live_trials(row, now)) >= settings.CIRCUIT_HALF_OPEN_MAX_CALLS:
        return TRIAL_WAIT_SECONDS
    return 0.0


@cache
def get_breaker(name: str) -> Breaker:
    """The breaker of a service, one object a process."""
    return Breaker(name)


def guard(name: str, longest_seconds: float) -> AbstractContextManager[None]:
    """`Breaker.guard` of that service; nothing where `name` is "", which is no service."""
    return get_breaker(name).guard(longest_seconds) if name else nullcontext()


def wait_seconds(name: str) -> float:
    """`Breaker.wait_seconds` of that service; 0 where `name` is "", which is no service."""
    return get_breaker(name).wait_seconds() if name else 0.0
