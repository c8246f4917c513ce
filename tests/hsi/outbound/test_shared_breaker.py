from __future__ import annotations

import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections

from hsi.errors import (
    AIServiceAnswerError,
    AIServiceError,
    AIServiceProtocolError,
    AIServiceRejectedError,
    AIServiceUnavailableError,
    CircuitOpenError,
    MediaError,
)
from hsi.models import CircuitBreaker, StreamMessage
from hsi.outbound import shared_breaker as breakers
from hsi.outbound.shared_breaker import SharedBreaker, get_breaker

LONGEST_SECONDS = 70.0
T = TypeVar("T")
REFUSED = AIServiceUnavailableError("refused")


class Clock:
    """Stands still until it is moved on."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def one(settings, clock: Clock) -> SharedBreaker:
    """A breaker as one process has it."""
    settings.CIRCUIT_FAILURE_THRESHOLD, settings.CIRCUIT_RECOVERY_TIMEOUT_SECONDS = 3, 30
    settings.CIRCUIT_HALF_OPEN_MAX_CALLS, settings.CIRCUIT_SUCCESS_THRESHOLD = 2, 2
    return SharedBreaker("service", clock=clock, view_seconds=0)


@pytest.fixture
def other(one: SharedBreaker, clock: Clock) -> SharedBreaker:
    """The same breaker as another process has it."""
    return SharedBreaker("service", clock=clock, view_seconds=0)


def call(breaker: SharedBreaker, error: BaseException | None = None) -> bool:
    """One call that ends as told; whether it was let through."""
    try:
        with breaker.guard(LONGEST_SECONDS):
            if error:
                raise error
    except CircuitOpenError:
        return False
    except BaseException as raised:
        if raised is not error:
            raise
    return True


def fail(breaker: SharedBreaker, times: int = 3) -> None:
    for _ in range(times):
        assert call(breaker, REFUSED)


def state() -> str:
    row = CircuitBreaker.objects.filter(name="service").first()
    return row.state if row else "closed"


def told() -> list[str]:
    messages = StreamMessage.objects.filter(type="service.status", data__service="service").order_by("seq")
    return [message.data["breaker"] for message in messages]


@pytest.mark.django_db
def test_it_opens_after_failures_in_a_row_for_every_process(one: SharedBreaker, other: SharedBreaker):
    fail(one, 1)
    fail(other, 1)
    assert state() == "closed"
    fail(one, 1)
    assert state() == "open"
    assert not call(other)
    assert not call(one)
    row = CircuitBreaker.objects.get()
    assert (row.failures, row.last_error) == (3, "AIServiceUnavailableError: refused")


@pytest.mark.django_db
def test_a_success_between_failures_starts_the_count_anew(one: SharedBreaker, other: SharedBreaker):
    fail(one, 2)
    assert call(other)
    fail(one, 2)
    assert state() == "closed"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "after"),
    [
        (AIServiceError("time-out"), "open"),
        (AIServiceError("500", http_status=500), "open"),
        (AIServiceUnavailableError("refused"), "open"),
        (AIServiceUnavailableError("busy", http_status=503), "open"),
        (AIServiceUnavailableError("wrong key", http_status=401), "open"),
        (AIServiceProtocolError("HTML"), "open"),
        (AIServiceAnswerError("prose"), "closed"),
        (AIServiceRejectedError("no picture", http_status=400), "closed"),
        (MediaError("no picture"), "closed"),
        (KeyError("bug"), "closed"),
    ],
)
def test_what_speaks_against_the_service_opens_it_and_nothing_else(one: SharedBreaker, error: Exception, after: str):
    for _ in range(3):
        assert call(one, error)
    assert state() == after


@pytest.mark.django_db
def test_a_refused_input_shows_that_the_service_works_and_a_broken_picture_shows_nothing(one: SharedBreaker):
    fail(one, 2)
    call(one, MediaError("no picture"))
    assert CircuitBreaker.objects.get().failures == 2
    call(one, AIServiceRejectedError("no picture"))
    assert CircuitBreaker.objects.get().failures == 0


@pytest.mark.django_db
def test_a_refusal_waits_while_it_stays_open_and_uses_up_no_attempt(one: SharedBreaker, clock: Clock):
    fail(one)
    clock.pass_(10)
    assert one.wait_seconds() == pytest.approx(20, abs=0.5)
    with pytest.raises(CircuitOpenError) as caught, one.guard(LONGEST_SECONDS):
        pytest.fail("no call may be made")
    error = caught.value
    assert (error.code, error.counts, error.retryable, error.service) == ("CIRCUIT_OPEN", False, True, "service")
    assert error.retry_after_seconds is not None
    assert 19.5 < error.retry_after_seconds < 22.5


@pytest.mark.django_db
def test_who_was_refused_soon_asks_again_since_it_may_have_been_reset_by_hand(one: SharedBreaker):
    fail(one, 2)
    call(one, AIServiceUnavailableError("busy", retry_after_seconds=3600))
    assert one.wait_seconds() > 3500
    with pytest.raises(CircuitOpenError) as caught:
        one.begin_call(LONGEST_SECONDS)
    assert caught.value.retry_after_seconds is not None
    assert 30 <= caught.value.retry_after_seconds <= 32
    one.reset()
    assert call(one)


@pytest.mark.django_db
def test_it_stays_open_for_as_long_as_the_service_asked(one: SharedBreaker, clock: Clock):
    fail(one, 2)
    call(one, AIServiceUnavailableError("busy", retry_after_seconds=120))
    clock.pass_(119)
    assert not call(one)
    clock.pass_(1)
    assert call(one)


@pytest.mark.django_db
def test_successes_on_trial_close_it_and_every_change_is_told(
    one: SharedBreaker, other: SharedBreaker, clock: Clock, caplog
):
    fail(one)
    clock.pass_(30)
    assert one.wait_seconds() == 0
    assert call(one)
    assert state() == "half_open"
    assert call(other)
    assert state() == "closed"
    assert CircuitBreaker.objects.get().failures == 0
    assert told() == ["open", "half_open", "closed"]
    assert StreamMessage.objects.order_by("seq")[0].data == {
        "service": "service",
        "status": "degraded",
        "reason": "AI_SERVICE_UNAVAILABLE",
        "detail": "The breaker is open.",
        "breaker": "open",
        "retry_at": "2026-03-01T12:00:30Z",
    }
    assert "The breaker of service is open" in caplog.text


@pytest.mark.django_db
def test_one_failure_on_trial_opens_it_for_another_while(one: SharedBreaker, clock: Clock):
    fail(one)
    clock.pass_(30)
    assert call(one, REFUSED)
    assert one.wait_seconds() == pytest.approx(30, abs=0.5)
    assert told() == ["open", "half_open", "open"]


@pytest.mark.django_db
def test_trials_are_bounded_over_all_processes_and_a_free_place_is_taken(
    one: SharedBreaker, other: SharedBreaker, clock: Clock
):
    fail(one)
    clock.pass_(30)
    first, _second = one.begin_call(LONGEST_SECONDS), other.begin_call(LONGEST_SECONDS)
    assert not call(one)
    assert other.wait_seconds() > 0
    one.release(first)
    assert other.wait_seconds() == 0
    assert call(other)


@pytest.mark.django_db
def test_a_process_that_dies_on_trial_blocks_nothing_for_long(one: SharedBreaker, other: SharedBreaker, clock: Clock):
    fail(one)
    clock.pass_(30)
    one.begin_call(LONGEST_SECONDS)
    one.begin_call(LONGEST_SECONDS)
    clock.pass_(LONGEST_SECONDS - 1)
    assert not call(other)
    clock.pass_(2)
    assert call(other)
    assert call(other)
    assert state() == "closed"


@pytest.mark.django_db
def test_what_began_before_the_breaker_changed_is_not_heard(one: SharedBreaker, other: SharedBreaker, clock: Clock):
    slow = other.begin_call(LONGEST_SECONDS)
    fail(one)
    clock.pass_(30)
    trial = one.begin_call(LONGEST_SECONDS)
    other.fail(slow, REFUSED)
    other.succeed(slow)
    assert state() == "half_open"
    one.fail(trial, REFUSED)
    one.succeed(trial)
    assert (state(), CircuitBreaker.objects.get().successes) == ("open", 0)


@pytest.mark.django_db
def test_a_bug_during_a_trial_gives_its_place_back(one: SharedBreaker, clock: Clock):
    fail(one)
    clock.pass_(30)
    for _ in range(5):
        assert call(one, KeyError("bug"))
    assert (state(), CircuitBreaker.objects.get().trials) == ("half_open", {})


@pytest.mark.django_db
def test_while_closed_many_calls_cost_one_read_and_no_write(django_assert_num_queries, settings):
    breaker = SharedBreaker("service", view_seconds=60)
    with django_assert_num_queries(1):
        for _ in range(50):
            assert breaker.wait_seconds() == 0
            assert call(breaker)
    assert not CircuitBreaker.objects.exists()
    call(breaker, REFUSED)
    with django_assert_num_queries(1):  # the count is set back, once
        for _ in range(50):
            assert call(breaker)
    assert CircuitBreaker.objects.get().failures == 0


@pytest.mark.django_db
def test_no_service_needs_no_breaker(django_assert_num_queries):
    with django_assert_num_queries(0), breakers.guard("", LONGEST_SECONDS):
        assert breakers.wait_seconds("") == 0


@pytest.mark.django_db
def test_the_time_is_the_databases(settings):
    settings.CIRCUIT_FAILURE_THRESHOLD, settings.CIRCUIT_RECOVERY_TIMEOUT_SECONDS = 1, 600
    breaker = SharedBreaker("service")
    call(breaker, REFUSED)
    assert 590 < breaker.wait_seconds() <= 600
    assert 590 < SharedBreaker("service").wait_seconds() <= 600
    CircuitBreaker.objects.update(retry_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert SharedBreaker("service").wait_seconds() == 0


@pytest.mark.django_db
def test_a_breaker_that_cannot_be_written_leaves_the_call_its_own_end(one: SharedBreaker, monkeypatch, caplog):
    def broken(*_: object) -> None:
        raise OperationalError("disk full")

    monkeypatch.setattr(one, "fail", broken)
    with pytest.raises(AIServiceUnavailableError), one.guard(LONGEST_SECONDS):
        raise REFUSED
    assert "could not be written: disk full" in caplog.text


@pytest.mark.django_db
def test_the_command_closes_one_or_all():
    for name, state_ in (("nemotron", "open"), ("rtdetr", "closed"), ("deepstack", "half_open")):
        CircuitBreaker.objects.create(name=name, state=state_, failures=4, trials={"t": 9e9})
    said = io.StringIO()
    call_command("reset_breaker", "nemotron", stdout=said)
    assert said.getvalue() == "nemotron: reset\n"
    assert CircuitBreaker.objects.get(name="deepstack").state == "half_open"
    call_command("reset_breaker", "--all", stdout=said)
    assert "deepstack: reset" in said.getvalue()
    assert "rtdetr: was closed" in said.getvalue()
    assert set(CircuitBreaker.objects.values_list("state", "failures")) == {("closed", 0)}
    assert get_breaker("deepstack").wait_seconds() == 0
    with pytest.raises(CommandError, match="Known: deepstack, nemotron, rtdetr"):
        call_command("reset_breaker", "nemotrom")


def race(*work: Callable[[], T]) -> list[T]:
    """Do all of it at the same moment, each with a database connection of its own, as processes have."""
    barrier = threading.Barrier(len(work))

    def do(one: Callable[[], T]) -> T:
        barrier.wait(20)
        try:
            return one()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(do, work))


@pytest.mark.django_db(transaction=True)
def test_racing_failures_are_all_counted_and_open_it_once(one: SharedBreaker, clock: Clock, settings):
    settings.CIRCUIT_FAILURE_THRESHOLD = 8
    apart = [SharedBreaker("service", clock=clock, view_seconds=0) for _ in range(8)]
    race(*(partial(breaker.fail, "", REFUSED) for breaker in apart))
    assert (state(), CircuitBreaker.objects.get().failures) == ("open", 8)
    assert told() == ["open"]


@pytest.mark.django_db(transaction=True)
def test_racing_trials_get_no_more_places_than_there_are(one: SharedBreaker, clock: Clock):
    fail(one)
    clock.pass_(30)

    def enter(breaker: SharedBreaker) -> str | None:
        try:
            return breaker.begin_call(LONGEST_SECONDS)
        except CircuitOpenError:
            return None

    tokens = race(*(partial(enter, SharedBreaker("service", clock=clock, view_seconds=0)) for _ in range(8)))
    assert len([token for token in tokens if token]) == 2
    assert tokens.count(None) == 6
    assert told() == ["open", "half_open"]
