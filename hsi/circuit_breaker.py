"""A circuit breaker as an immutable value (`BreakerState`), and one for a single process (`InProcessBreaker`).

Closed: calls are allowed, and consecutive failures are counted. Open: no call is allowed for some time. Half-open: a
bounded number of trial calls is allowed; enough successes close the breaker, one failure opens it again. The claim of a
trial expires, so that a caller that dies does not block the others for long.

Times are seconds on the clock of the caller. `hsi.outbound.shared_breaker` stores the same state in a row for all
processes.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from hsi.errors import CircuitOpenError

logger = logging.getLogger(__name__)

Phase = Literal["closed", "open", "half_open"]

TRIAL_WAIT_SECONDS = 1.0  # seconds to wait while all trials are claimed


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a breaker.

    `failures` in a row open it for `rest_seconds`. Half-open, it allows `trials` calls at once, and `successes` of them
    close it.
    """

    failures: int
    rest_seconds: float
    trials: int = 1
    successes: int = 1


@dataclass(frozen=True, slots=True)
class BreakerState:
    """The state of a breaker. Each transition returns the next state, or `self` if the call no longer counts.

    `failures` and `unusable` count consecutive answers. `successes` counts trial calls while half-open. `trials` maps
    the token of each running trial call to the time at which its claim expires. A call is identified by its token,
    which is "" for a call that began while the breaker was closed.
    """

    phase: Phase = "closed"
    failures: int = 0
    successes: int = 0
    unusable: int = 0
    trials: Mapping[str, float] = field(default_factory=dict)
    retry_at: float | None = None

    @property
    def is_closed(self) -> bool:
        return self.phase == "closed"

    def wait_seconds(self, now: float, limits: Limits) -> float:
        """Return how long no call may be made; 0 where one may be made now."""
        if self.phase == "open" and self.retry_at is not None:
            return max(0.0, self.retry_at - now)
        if self.phase == "half_open" and len(self._live_trials(now)) >= limits.trials:
            return TRIAL_WAIT_SECONDS
        return 0.0

    def claim_trial(self, token: str, now: float, longest_seconds: float) -> BreakerState:
        """Claim a trial call of at most `longest_seconds`. Call this only after `wait_seconds` returned 0."""
        trials = {**self._live_trials(now), token: now + longest_seconds}
        if self.phase == "open":
            return replace(self, phase="half_open", successes=0, retry_at=None, trials=trials)
        return replace(self, trials=trials)

    def fail(self, token: str, now: float, limits: Limits, *, retry_after_seconds: float = 0.0) -> BreakerState:
        """Count a failure of the service. Stay open for `retry_after_seconds` if the service asks for longer."""
        if not self._counts(token):
            return self
        failures = self.failures + 1
        if self.is_closed and failures < limits.failures:
            return replace(self, failures=failures)
        retry_at = now + max(limits.rest_seconds, retry_after_seconds)
        return BreakerState("open", failures, unusable=self.unusable, retry_at=retry_at)

    def succeed(self, token: str, limits: Limits, *, usable: bool = True) -> BreakerState:
        """Count an answer of the service, `usable` or not."""
        if not self._counts(token):
            return self
        unusable = 0 if usable else self.unusable + 1
        successes = self.successes + bool(token)
        if self.is_closed or successes >= limits.successes:
            return BreakerState(unusable=unusable)
        return replace(self, successes=successes, unusable=unusable, trials=self._without(token))

    def release(self, token: str) -> BreakerState:
        """End a trial call that says nothing about the service, so that another trial can start."""
        return replace(self, trials=self._without(token)) if token in self.trials else self

    def reset(self) -> BreakerState:
        """Close the breaker."""
        return BreakerState()

    def _counts(self, token: str) -> bool:
        """Return whether the call began after the last change of the breaker."""
        return token in self.trials if token else self.is_closed

    def _live_trials(self, now: float) -> dict[str, float]:
        return {token: expires_at for token, expires_at in self.trials.items() if expires_at > now}

    def _without(self, token: str) -> dict[str, float]:
        return {other: expires_at for other, expires_at in self.trials.items() if other != token}


class InProcessBreaker:
    """A breaker of this process, without a row. Threads can share it."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name = name
        self._limits = limits
        self._state = BreakerState()
        self._lock = threading.Lock()

    @property
    def is_closed(self) -> bool:
        return self._state.is_closed

    def wait_seconds(self) -> float:
        """Return how long until a call may be made; 0 is now."""
        return self._state.wait_seconds(time.monotonic(), self._limits)

    def begin_call(self, longest_seconds: float) -> str:
        """Return the token of a trial call, or "" while closed. Raise `CircuitOpenError` if no call is allowed."""
        with self._lock:
            now = time.monotonic()
            if self._state.is_closed:
                return ""
            if (wait := self._state.wait_seconds(now, self._limits)) > 0:
                raise circuit_open(self.name, wait)
            token = new_token()
            self._state = self._state.claim_trial(token, now, longest_seconds)
            return token

    def fail(self, token: str, error: BaseException) -> None:
        with self._lock:
            before, self._state = self._state, self._state.fail(token, time.monotonic(), self._limits)
        if before.phase != self._state.phase:
            logger.warning("The breaker of %s is open. %s: %s", self.name, type(error).__name__, error)

    def succeed(self, token: str) -> None:
        with self._lock:
            before, self._state = self._state, self._state.succeed(token, self._limits)
        if before.phase != self._state.phase:
            logger.info("The breaker of %s is closed.", self.name)


def new_token() -> str:
    return secrets.token_hex(8)


def circuit_open(name: str, wait_seconds: float) -> CircuitOpenError:
    """Return the error of a call that the breaker did not allow."""
    return CircuitOpenError(f"the circuit breaker of {name} is open", service=name, retry_after_seconds=wait_seconds)
