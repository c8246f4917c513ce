"""The breaker against a model of it: whatever happens in whatever order, in two processes that share the row."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, strategies
from hypothesis import settings as hypothesis_settings
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

from hsi.errors import AIServiceUnavailableError, CircuitOpenError
from hsi.models import CircuitBreaker, StreamMessage
from hsi.outbound.shared_breaker import Breaker
from tests.hsi.outbound.test_shared_breaker import Clock

THRESHOLD, RECOVERY_SECONDS, MAX_TRIALS, SUCCESSES, LONGEST_SECONDS = 2, 30, 3, 2, 50


@dataclass
class Model:
    """What a breaker should do, in seconds since the start, without a database."""

    state: str = "closed"
    failures: int = 0
    successes: int = 0
    retry_at: int = 0
    now: int = 0
    trials: dict[str, int] = field(default_factory=dict)  # by token, when the claim ends
    changes: list[str] = field(default_factory=list)

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
        self.changes.append(state)


class BreakerMachine(RuleBasedStateMachine):
    calls = Bundle("calls")
    processes = strategies.integers(0, 1)
    outcomes = strategies.lists(strategies.sampled_from(["fail", "answer", "answer"]), min_size=1, max_size=3)

    def __init__(self) -> None:
        super().__init__()
        CircuitBreaker.objects.all().delete()
        StreamMessage.objects.all().delete()
        self.clock, self.model = Clock(), Model()
        self.began = self.clock.now
        self.processes_ = [Breaker("service", clock=self.clock, look_seconds=0) for _ in range(2)]

    @initialize(start=strategies.sampled_from(["closed", "open", "half_open"]))
    def start_anywhere(self, start: str) -> None:
        if start != "closed":
            for _ in range(THRESHOLD):
                self.fail("", 0)
        if start == "half_open":
            self.wait(RECOVERY_SECONDS)

    @rule(
        process=processes, outcomes=strategies.lists(strategies.sampled_from(["fail", "answer", "answer"]), max_size=3)
    )
    def call(self, process: int, outcomes: list[str]) -> None:
        """Whole calls, one after the other."""
        for outcome in outcomes:
            if self.model.lets_through():
                getattr(self, outcome)(self.enter(process), process)

    @rule(target=calls, process=processes)
    def begin(self, process: int):
        token = self.enter(process)
        return multiple() if token is None else token

    def enter(self, process: int) -> str | None:
        allowed = self.model.lets_through()
        assert (self.processes_[process].wait_seconds() == 0) is allowed
        try:
            token = self.processes_[process].enter(LONGEST_SECONDS)
        except CircuitOpenError:
            assert not allowed
            return None
        assert allowed
        assert bool(token) is (self.model.state != "closed")
        self.model.entered(token)
        return token

    @rule(token=consumes(calls), process=processes)
    def fail(self, token: str, process: int) -> None:
        self.processes_[process].failed(token, AIServiceUnavailableError("refused"))
        self.model.failed(token)

    @rule(token=consumes(calls), process=processes)
    def answer(self, token: str, process: int) -> None:
        self.processes_[process].answered(token)
        self.model.answered(token)

    @rule(token=consumes(calls), process=processes)
    def come_to_nothing(self, token: str, process: int) -> None:
        self.processes_[process].ended(token)
        self.model.ended(token)

    @rule(seconds=strategies.sampled_from([29, 30, 60]))
    def wait(self, seconds: int) -> None:
        self.clock.pass_(seconds)
        self.model.now += seconds

    @rule(process=processes)
    def reset(self, process: int) -> None:
        assert self.processes_[process].reset() is (self.model.state != "closed")
        self.model.reset()

    @invariant()
    def the_row_is_as_the_model(self) -> None:
        row = CircuitBreaker.objects.filter(name="service").first() or CircuitBreaker(name="service")
        model = self.model
        assert (row.state, row.failures, row.successes) == (model.state, model.failures, model.successes)
        assert set(row.trials) == set(model.trials)
        wanted = self.began + timedelta(seconds=model.retry_at) if model.state == "open" else None
        assert row.retry_at == wanted

    def teardown(self) -> None:
        told = StreamMessage.objects.order_by("seq").values_list("data", flat=True)
        assert [data["breaker"] for data in told] == self.model.changes


@pytest.mark.django_db
def test_the_breaker_does_what_its_model_does(settings):
    settings.CIRCUIT_FAILURE_THRESHOLD, settings.CIRCUIT_RECOVERY_TIMEOUT_SECONDS = THRESHOLD, RECOVERY_SECONDS
    settings.CIRCUIT_HALF_OPEN_MAX_CALLS, settings.CIRCUIT_SUCCESS_THRESHOLD = MAX_TRIALS, SUCCESSES
    bounds = hypothesis_settings(
        max_examples=60,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        phases=[Phase.explicit, Phase.generate],  # a database makes shrinking take minutes
    )
    run_state_machine_as_test(BreakerMachine, settings=bounds)
