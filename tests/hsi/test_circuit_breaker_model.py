"""The breaker's state against a model of it: whatever happens, in whatever order. No database has a part in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from hsi.circuit_breaker import BreakerState, Limits

pytestmark = pytest.mark.one_engine

THRESHOLD, RECOVERY_SECONDS, MAX_TRIALS, SUCCESSES, LONGEST_SECONDS = 2, 30, 3, 2, 50

LIMITS = Limits(THRESHOLD, RECOVERY_SECONDS, MAX_TRIALS, SUCCESSES)


@dataclass
class Model:
    """What a breaker should do, in seconds since the start."""

    state: str = "closed"
    failures: int = 0
    successes: int = 0
    retry_at: int = 0
    now: int = 0
    trials: dict[str, int] = field(default_factory=dict)  # by token, when the claim ends

    def lets_through(self) -> bool:
        if self.state == "open":
            return self.now >= self.retry_at
        live = [token for token, ends_at in self.trials.items() if ends_at > self.now]
        return self.state == "closed" or len(live) < MAX_TRIALS

    def entered(self, token: str) -> None:
        if self.state == "open":
            self._change("half_open")
        if self.state == "half_open":
            self.trials = {one: ends_at for one, ends_at in self.trials.items() if ends_at > self.now}
            self.trials[token] = self.now + LONGEST_SECONDS

    def failed(self, token: str) -> None:
        if self._heard(token):
            self.failures += 1
            if token or self.failures == THRESHOLD:
                self.retry_at = self.now + RECOVERY_SECONDS
                self._change("open")

    def answered(self, token: str) -> None:
        if self._heard(token):
            self.successes += bool(token)
            self.failures = self.failures if token else 0
            if self.successes == SUCCESSES:
                self._change("closed")

    def ended(self, token: str) -> None:
        self.trials.pop(token, None)

    def reset(self) -> None:
        self.failures = 0
        if self.state != "closed":
            self._change("closed")

    def _heard(self, token: str) -> bool:
        return self.trials.pop(token, None) is not None if token else self.state == "closed"

    def _change(self, state: str) -> None:
        self.state, self.successes = state, 0
        self.failures = 0 if state == "closed" else self.failures
        self.trials = {}


class BreakerMachine(RuleBasedStateMachine):
    calls = Bundle("calls")
    outcomes = strategies.lists(strategies.sampled_from(["fail", "answer", "answer"]), max_size=3)

    def __init__(self) -> None:
        super().__init__()
        self.state, self.model, self.tokens = BreakerState(), Model(), 0

    @initialize(start=strategies.sampled_from(["closed", "open", "half_open"]))
    def start_anywhere(self, start: str) -> None:
        if start != "closed":
            for _ in range(THRESHOLD):
                self.fail("")
        if start == "half_open":
            self.wait(RECOVERY_SECONDS)

    @rule(outcomes=outcomes)
    def call(self, outcomes: list[str]) -> None:
        """Whole calls, one after the other."""
        for outcome in outcomes:
            if self.model.lets_through():
                getattr(self, outcome)(self.enter())

    @rule(target=calls)
    def begin(self):
        token = self.enter()
        return multiple() if token is None else token

    def enter(self) -> str | None:
        allowed = self.model.lets_through()
        assert (self.state.wait_seconds(self.model.now, LIMITS) == 0) is allowed
        if not allowed:
            return None
        token = ""
        if not self.state.is_closed:
            self.tokens += 1
            token = str(self.tokens)
            self.state = self.state.claim_trial(token, self.model.now, LONGEST_SECONDS)
        self.model.entered(token)
        return token

    @rule(token=consumes(calls))
    def fail(self, token: str) -> None:
        self.state = self.state.fail(token, self.model.now, LIMITS)
        self.model.failed(token)

    @rule(token=consumes(calls))
    def answer(self, token: str) -> None:
        self.state = self.state.succeed(token, LIMITS)
        self.model.answered(token)

    @rule(token=consumes(calls))
    def come_to_nothing(self, token: str) -> None:
        self.state = self.state.release(token)
        self.model.ended(token)

    @rule(seconds=strategies.sampled_from([29, 30, 60]))
    def wait(self, seconds: int) -> None:
        self.model.now += seconds

    @rule()
    def reset(self) -> None:
        self.state = self.state.reset()
        self.model.reset()

    @invariant()
    def the_state_is_as_the_model(self) -> None:
        state, model = self.state, self.model
        assert (state.phase, state.failures, state.successes) == (model.state, model.failures, model.successes)
        assert state.trials == model.trials
        assert state.retry_at == (model.retry_at if model.state == "open" else None)

    @invariant()
    def no_more_trials_are_on_their_way_than_allowed(self) -> None:
        assert sum(expires_at > self.model.now for expires_at in self.state.trials.values()) <= MAX_TRIALS


def test_the_breaker_does_what_its_model_does():
    bounds = hypothesis_settings(max_examples=300, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(BreakerMachine, settings=bounds)


def test_a_call_that_no_longer_counts_changes_nothing():
    opened = BreakerState().fail("", 0, Limits(1, 30))
    assert opened.fail("", 1, LIMITS) is opened
    assert opened.succeed("", LIMITS) is opened
    assert opened.succeed("gone", LIMITS, usable=False) is opened
    assert opened.release("gone") is opened


def test_it_stays_open_for_as_long_as_the_service_asks():
    limits = Limits(1, 30)
    assert BreakerState().fail("", 100, limits, retry_after_seconds=120).wait_seconds(100, limits) == 120
    assert BreakerState().fail("", 100, limits, retry_after_seconds=5).wait_seconds(100, limits) == 30


def test_unusable_answers_open_nothing_and_are_counted_until_one_is_usable():
    state = BreakerState(failures=1)
    for _ in range(5):
        state = state.succeed("", LIMITS, usable=False)
    assert (state.phase, state.failures, state.unusable) == ("closed", 0, 5)
    assert state.succeed("", LIMITS).unusable == 0
