"""A circuit breaker for each AI service, one row that all processes share. `hsi.circuit_breaker` has the rules.

A failure is what speaks against the service (`AIServiceError.against_service`): not there, time-outs,
5xx, busy, a wrong key, no JSON. An input that it refuses (4xx) and the prose of a language model show
that it answers: they open nothing, and are counted in a row for the health report. Any other exception says nothing.

A call while closed costs no write, and one small read a second and process. No library does this:
pybreaker and purgatory let every process try at once while half-open, and share their state by Redis only.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import cast

from django.conf import settings
from django.db import DatabaseError, InterfaceError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from hsi import audit, process_state
from hsi.circuit_breaker import BreakerState, Limits, Phase, circuit_open, new_token
from hsi.errors import AIServiceError, CircuitOpenError
from hsi.logs.redaction import redact
from hsi.models import CircuitBreaker
from hsi.outbox import publish
from hsi.outbox.messages import NO_CAMERA, Message, service_status

logger = logging.getLogger(__name__)

VIEW_SECONDS = 1.0  # how long a row that was read is taken for current
REFUSED_SECONDS = 30.0  # a job that was refused waits no longer before it asks again: a person may have reset it
JITTER_SECONDS = 2.0  # jobs that wait for a service do not come back at the same moment


@dataclass(frozen=True, slots=True)
class _View:
    """A breaker as it was last read. Times are of `time.monotonic`."""

    state: BreakerState
    wait_until: float  # no call is let through before
    read_at: float

    @property
    def wait_seconds(self) -> float:
        return max(0.0, self.wait_until - time.monotonic())


class SharedBreaker:
    """The breaker of one service, as one process sees it. Shared between threads.

    `clock` replaces the database's; `view_seconds` is how old its knowledge may be.
    """

    def __init__(
        self, name: str, *, clock: Callable[[], datetime] | None = None, view_seconds: float = VIEW_SECONDS
    ) -> None:
        self.name = name
        self._clock = clock
        self._view_seconds = view_seconds
        self._lock = threading.Lock()
        self._view: _View | None = None

    def wait_seconds(self) -> float:
        """Return how long until a call may be let through; 0 is now."""
        return self._current_view().wait_seconds

    @contextmanager
    def guard(self, longest_seconds: float) -> Iterator[None]:
        """Make one call inside, of at most `longest_seconds`. Raise `CircuitOpenError` instead where it must wait."""
        token = self.begin_call(longest_seconds)
        try:
            yield
        except AIServiceError as error:
            self._record(self.fail if error.against_service else self.succeed, token, error)
            raise
        except BaseException:
            if token:
                self._record(self.release, token)
            raise
        self._record(self.succeed, token)

    def begin_call(self, longest_seconds: float) -> str:
        """Return the token of a trial call, or "" while closed. Raise `CircuitOpenError` where no call may be made."""
        view = self._current_view()
        if view.state.is_closed:
            return ""
        if (wait := view.wait_seconds) > 0:
            raise self._refusal(wait)
        return self._claim_trial(longest_seconds)

    def fail(self, token: str, error: AIServiceError) -> None:
        """Record a call that spoke against the service. One that began before the breaker last changed is ignored."""
        with self._locked() as (row, now):
            before = _state(row)
            retry_after = error.retry_after_seconds or 0.0
            after = before.fail(token, now.timestamp(), _limits(), retry_after_seconds=retry_after)
            if after is not before:
                row.last_failed_at, row.last_error = now, _error_text(error)
                self._save(row, after, now, error.code)

    def succeed(self, token: str, error: AIServiceError | None = None) -> None:
        """Record an answer; with `error`, one that could not be used. While all is well nothing is written."""
        if not token and error is None:
            self._clear_counts()
            return
        with self._locked() as (row, now):
            before = _state(row)
            after = before.succeed(token, _limits(), usable=error is None)
            if after is not before:
                row.last_unusable = _error_text(error) if error else row.last_unusable
                self._save(row, after, now)

    def release(self, token: str) -> None:
        """Record a trial call that came to nothing that says how the service is: another may try."""
        with self._locked() as (row, now):
            before = _state(row)
            if (after := before.release(token)) is not before:
                self._save(row, after, now)

    def reset(self) -> bool:
        """Close it by hand. Return whether it was not closed."""
        with self._locked() as (row, now):
            was_closed = _state(row).is_closed
            if not was_closed:
                before = {"state": row.state, "failures": row.failures, "last_error": row.last_error}
                audit.record("breaker_reset", f"breaker {self.name}", before=before, after={"state": "closed"})
            self._save(row, _state(row).reset(), now, "RESET")
            return not was_closed

    def _claim_trial(self, longest_seconds: float) -> str:
        with self._locked() as (row, now):
            state = _state(row)
            if state.is_closed:
                self._see(state, now)
                return ""
            if (wait := state.wait_seconds(now.timestamp(), _limits())) > 0:
                self._see(state, now)
                raise self._refusal(wait)
            token = new_token()
            self._save(row, state.claim_trial(token, now.timestamp(), longest_seconds), now)
            return token

    def _save(self, row: CircuitBreaker, state: BreakerState, now: datetime, reason: str = "") -> None:
        """Store the next state, and publish it where the phase has changed."""
        changed = row.state != state.phase
        row.state, row.failures, row.successes, row.unusable = (
            state.phase, state.failures, state.successes, state.unusable,
        )  # fmt: skip
        row.trials = dict(state.trials)
        row.retry_at = None if state.retry_at is None else datetime.fromtimestamp(state.retry_at, UTC)
        row.changed_at = now if changed else row.changed_at
        row.save()
        self._see(state, now)
        if changed:
            level = logging.WARNING if state.phase == "open" else logging.INFO
            logger.log(level, "The breaker of %s is %s. %s", row.name, row.get_state_display(), reason)
            _publish(row, state.phase, reason)

    @contextmanager
    def _locked(self) -> Iterator[tuple[CircuitBreaker, datetime]]:
        """Yield the row, locked until the end, and the time."""
        with transaction.atomic():
            CircuitBreaker.objects.get_or_create(name=self.name)
            row = CircuitBreaker.objects.select_for_update().annotate(at=Now()).get(name=self.name)
            yield row, self._clock() if self._clock else row.at

    def _current_view(self) -> _View:
        with self._lock:
            if self._view is None or time.monotonic() - self._view.read_at >= self._view_seconds:
                return self._see(*self._read())
            return self._view

    def _read(self) -> tuple[BreakerState, datetime]:
        """Return the state and the time."""
        row = CircuitBreaker.objects.annotate(at=Now()).filter(name=self.name).first()
        if row is None:
            return BreakerState(), timezone.now()
        return _state(row), self._clock() if self._clock else row.at

    def _see(self, state: BreakerState, now: datetime) -> _View:
        at = time.monotonic()
        self._view = _View(state, at + state.wait_seconds(now.timestamp(), _limits()), at)
        return self._view

    def _clear_counts(self) -> None:
        """Set the counts of a closed breaker back, where the last view has any."""
        view = self._current_view()
        if view.state.is_closed and (view.state.failures or view.state.unusable):
            CircuitBreaker.objects.filter(name=self.name, state="closed").update(failures=0, unusable=0)
            self._view = _View(BreakerState(), view.wait_until, view.read_at)

    def _record(self, record: Callable[..., None], *arguments: object) -> None:
        """Record at best: a breaker that cannot be written must not undo a call that was made."""
        try:
            record(*arguments)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The breaker of %s could not be written: %s", self.name, error)

    def _refusal(self, wait: float) -> CircuitOpenError:
        return circuit_open(self.name, min(wait, REFUSED_SECONDS) + random.uniform(0, JITTER_SECONDS))


def _limits() -> Limits:
    return Limits(
        failures=settings.CIRCUIT_FAILURE_THRESHOLD,
        rest_seconds=settings.CIRCUIT_RECOVERY_TIMEOUT_SECONDS,
        trials=settings.CIRCUIT_HALF_OPEN_MAX_CALLS,
        successes=settings.CIRCUIT_SUCCESS_THRESHOLD,
    )


def _state(row: CircuitBreaker) -> BreakerState:
    retry_at = row.retry_at.timestamp() if row.retry_at else None
    return BreakerState(cast(Phase, row.state), row.failures, row.successes, row.unusable, row.trials, retry_at)


def _publish(row: CircuitBreaker, phase: Phase, reason: str) -> None:
    data = service_status(
        row.name,
        "healthy" if phase == "closed" else "degraded",
        reason=reason,
        detail=f"The breaker is {row.get_state_display()}.",
        breaker=phase,
        retry_at=row.retry_at,
    )
    publish.publish(Message("service.status", NO_CAMERA, data))


def _error_text(error: BaseException) -> str:
    return redact(f"{type(error).__name__}: {error}".replace("\0", ""))[:500]


@cache
def get_breaker(name: str) -> SharedBreaker:
    """Return the breaker of a service, one object a process."""
    return SharedBreaker(name)


process_state.register(get_breaker.cache_clear)


def guard(name: str, longest_seconds: float) -> AbstractContextManager[None]:
    """Return `SharedBreaker.guard` of that service; nothing where `name` is "", which is no service."""
    return get_breaker(name).guard(longest_seconds) if name else nullcontext()


def wait_seconds(name: str) -> float:
    """Return `SharedBreaker.wait_seconds` of that service; 0 where `name` is "", which is no service."""
    return get_breaker(name).wait_seconds() if name else 0.0
