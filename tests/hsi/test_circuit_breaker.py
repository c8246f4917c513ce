from __future__ import annotations

import logging
import time

import pytest

from hsi.circuit_breaker import InProcessBreaker, Limits
from hsi.errors import CircuitOpenError

pytestmark = pytest.mark.one_engine  # and no database: a test that asked it would fail

AWAY = ConnectionRefusedError("refused")


def wait_out(breaker: InProcessBreaker) -> None:
    deadline = time.monotonic() + 10
    while breaker.wait_seconds() > 0:
        assert time.monotonic() < deadline


def test_it_opens_after_failures_in_a_row_says_why_and_one_success_closes_it(caplog):
    caplog.set_level(logging.INFO)
    breaker = InProcessBreaker("layer", Limits(failures=3, rest_seconds=0.05))
    for _ in range(3):
        breaker.fail(breaker.begin_call(1), AWAY)
    assert not breaker.is_closed
    with pytest.raises(CircuitOpenError):
        breaker.begin_call(1)
    assert "The breaker of layer is open" in caplog.text
    assert "ConnectionRefusedError: refused" in caplog.text
    wait_out(breaker)
    breaker.succeed(breaker.begin_call(1))
    assert breaker.is_closed
    assert "The breaker of layer is closed" in caplog.text


def test_a_success_between_failures_starts_the_count_again():
    breaker = InProcessBreaker("layer", Limits(failures=3, rest_seconds=60))
    for error in (AWAY, AWAY, None, AWAY, AWAY):
        trial = breaker.begin_call(1)
        if error:
            breaker.fail(trial, error)
        else:
            breaker.succeed(trial)
    assert breaker.is_closed


def test_a_failure_on_trial_opens_it_again():
    breaker = InProcessBreaker("layer", Limits(failures=1, rest_seconds=0.05))
    breaker.fail(breaker.begin_call(1), AWAY)
    wait_out(breaker)
    breaker.fail(breaker.begin_call(1), AWAY)
    assert breaker.wait_seconds() > 0
