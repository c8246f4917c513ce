"""The language model goes away for a while: rule scores now, verdicts later, the most urgent first."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from detection.models import Batch
from events import pending
from events.loops import loops
from events.models import Event
from hsi.models import CircuitBreaker, DeadLetter, QueueJob, StreamMessage
from hsi.outbound.shared_breaker import get_breaker
from hsi.queues import ANALYSIS_QUEUE, get_queue
from monitoring.reconcile import reconcile
from tests import factories
from tests.peers.llm import LlmPeer, Reply

pytestmark = pytest.mark.django_db(transaction=True)

CLOSED_PORT = "http://127.0.0.1:9"
# What rules make of them rises in this order.
LABELS = ["bird", "dog", "car", "person"]


@pytest.fixture(autouse=True)
def limits(settings) -> None:
    settings.ANALYZER, settings.NEMOTRON_API, settings.NEMOTRON_MODEL = "llm", "openai", "stub-model"
    settings.CIRCUIT_FAILURE_THRESHOLD, settings.CIRCUIT_SUCCESS_THRESHOLD = 3, 1


def seen(label: str, **values) -> Batch:
    batch = factories.batch(state=Batch.State.CLOSED, detection_count=1, upload_count=1, **values)
    factories.detection(factories.upload(batch.camera), batch, label=label)
    get_queue(ANALYSIS_QUEUE).put(batch.pk)
    return batch


def analyse(passes: int = 1) -> None:
    for _ in range(passes):
        QueueJob.objects.update(due_at=0)
        loops()[1].run(once=True)


def wait_out() -> None:
    """The recovery time is over."""
    CircuitBreaker.objects.update(retry_at=timezone.now())
    get_breaker.cache_clear()


def open_breaker() -> None:
    CircuitBreaker.objects.create(name="nemotron", state="open", retry_at=timezone.now() + timedelta(hours=1))
    get_breaker.cache_clear()


def judged() -> list[int]:
    """Batches in the order in which they were judged."""
    return list(Batch.objects.filter(state=Batch.State.ANALYSED).order_by("finished_at").values_list("pk", flat=True))


def test_while_the_model_is_away_every_event_is_told_by_rules_and_judged_once_it_is_back(settings):
    batches = {label: seen(label) for label in LABELS}
    settings.NEMOTRON_URL = CLOSED_PORT
    analyse(passes=10)
    assert set(Event.objects.values_list("risk_source", "analysis")) == {("rules", "pending")}
    assert Event.objects.count() == 4
    assert CircuitBreaker.objects.get().state == "open"
    assert not QueueJob.objects.exists()
    assert not DeadLetter.objects.exists()
    with LlmPeer() as peer:
        settings.NEMOTRON_URL = peer.url
        analyse(passes=3)
        assert peer.calls == 0  # it is left alone until the time is over
        wait_out()
        for _ in LABELS:
            loops()[1].run(once=True)
        assert peer.calls == 4
    assert set(Event.objects.values_list("risk_source", "analysis")) == {("llm", "done")}
    assert judged() == [batches[label].pk for label in reversed(LABELS)]
    assert not QueueJob.objects.exists()
    for event in Event.objects.all():
        told = StreamMessage.objects.filter(data__id=event.pk, type__startswith="event.").order_by("seq")
        said = [(message.type, message.data["risk_source"], message.data["ended"]) for message in told]
        assert said == [
            ("event.created", "rules", False), ("event.updated", "rules", True), ("event.updated", "llm", True),
        ]  # fmt: skip


def test_a_new_batch_is_told_at_once_and_nobody_is_asked_while_the_breaker_is_open(settings):
    open_breaker()
    with LlmPeer() as peer:
        settings.NEMOTRON_URL = peer.url
        batch = seen("person")
        analyse()
        assert peer.requests == []
    event = Event.objects.get(batches=batch)
    assert (event.risk_source, event.analysis) == ("rules", "pending")
    assert not QueueJob.objects.exists()


def test_the_reconciler_leaves_what_was_told_to_the_catch_up(settings):
    settings.NEMOTRON_URL = CLOSED_PORT
    open_breaker()
    seen("person")
    analyse()
    assert reconcile()[ANALYSIS_QUEUE] == 0
    untold = factories.batch(state=Batch.State.CLOSED)
    assert reconcile()[ANALYSIS_QUEUE] == 1
    assert QueueJob.objects.get().row_id == untold.pk


def pending_batch(score: int, minutes_ago: int = 0) -> int:
    batch = factories.batch(state=Batch.State.CLOSED, started_at=factories.NOW - timedelta(minutes=minutes_ago))
    values = {"risk_score": score, "risk_level": "low", "risk_source": "rules", "analysis": "pending"}
    factories.event(batch.camera, batch=batch, started_at=batch.started_at, **values)
    return batch.pk


def queued() -> list[int]:
    return list(QueueJob.objects.order_by("due_at", "id").values_list("row_id", flat=True))


def test_the_most_urgent_are_queued_first_a_few_at_a_time(settings):
    settings.NEMOTRON_URL = CLOSED_PORT
    low, high, older, middle, lowest = (
        pending_batch(10),
        pending_batch(80),
        pending_batch(80, minutes_ago=5),
        pending_batch(50),
        pending_batch(3),
    )
    assert pending.requeue_pending() == 4
    assert queued() == [high, older, middle, low]
    assert pending.requeue_pending() == 0
    get_queue(ANALYSIS_QUEUE).take(2, wait_seconds=0, lease_seconds=60)
    assert pending.requeue_pending() == 1
    assert set(queued()) == {low, high, older, middle, lowest}


def test_a_long_backlog_is_walked_past_those_that_have_a_job(settings, monkeypatch):
    monkeypatch.setattr(pending, "CHUNK", 2)
    settings.NEMOTRON_URL = CLOSED_PORT
    first, second, third, last = pending_batch(80), pending_batch(70), pending_batch(60), pending_batch(50)
    get_queue(ANALYSIS_QUEUE).put_many([first, second, third])
    assert list(pending.most_urgent(4)) == [last]


def test_nothing_is_queued_while_the_breaker_is_open(settings):
    settings.NEMOTRON_URL = CLOSED_PORT
    pending_batch(80)
    open_breaker()
    assert pending.requeue_pending() == 0
    get_breaker("nemotron").reset()
    assert pending.requeue_pending() == 1


def test_prose_speaks_against_the_answer_and_not_against_the_service(settings):
    with LlmPeer() as peer:
        settings.NEMOTRON_URL, peer.default = peer.url, "I think it is a cat."
        seen("person")
        analyse(passes=5)
        assert peer.calls == 5
    assert Event.objects.get().analysis == "failed"
    assert DeadLetter.objects.get().error_type == "AnswerRejectedError"
    assert not CircuitBreaker.objects.exclude(state="closed").exists()


def test_a_batch_that_makes_the_model_fail_becomes_a_dead_letter_and_blocks_no_other(settings):
    """Its failures go on being counted while the breaker opens and closes around them."""
    settings.JOB_MAX_ATTEMPTS = 4
    with LlmPeer() as peer:
        settings.NEMOTRON_URL = peer.url
        poison = seen("person")
        peer.replies.extend([Reply(status=500, raw=b"{}")] * 4)
        for _ in range(4):
            analyse()
            wait_out()
        healthy = seen("dog")
        analyse()
        assert peer.calls == 5
    poison.refresh_from_db()
    assert poison.state == Batch.State.DEAD
    assert judged() == [healthy.pk]
    told = StreamMessage.objects.filter(type="service.status").order_by("seq")
    assert [m.data["breaker"] for m in told] == ["open", "half_open", "open", "half_open", "closed"]


def test_a_model_of_rules_judges_what_was_owed_by_a_language_model(settings):
    batch = pending_batch(30)
    factories.detection(factories.upload(), Batch.objects.get(pk=batch))
    settings.ANALYZER = "rules"
    analyse()
    assert judged() == [batch]
