from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction

from hsi.models import CounterValue, StreamMessage
from hsi.outbox import publish as stream
from hsi.outbox.messages import CameraId, Message, MessageType
from monitoring.metrics import counters

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.made_up_messages]


def publish(*messages: tuple[MessageType, dict[str, object]]) -> None:
    with transaction.atomic():
        stream.publish(*[Message(kind, CameraId("door"), data) for kind, data in messages])


def counted() -> tuple[float, float]:
    values = dict(CounterValue.objects.values_list("name", "value"))
    return values.get(counters.EVENTS, 0), values.get(counters.DETECTIONS, 0)


def test_each_message_is_counted_once_and_stays_counted_when_it_is_removed():
    publish(("event.created", {"id": 1}), ("detection.created", {"count": 3}), ("event.updated", {"id": 1}))
    counters.advance()
    counters.advance()
    assert counted() == (1, 3)
    StreamMessage.objects.all().delete()
    publish(("detection.created", {"count": 2}), ("event.created", {"id": 2}))
    counters.advance()
    assert counted() == (2, 5)


def test_a_backlog_is_counted_page_by_page(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(counters, "PAGE", 2)
    for number in range(5):
        publish(("event.created", {"id": number}))
    counters.advance()
    assert counted() == (5, 0)


def test_two_that_count_at_the_same_time_count_nothing_twice(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(counters, "PAGE", 3)
    counters.advance()
    for number in range(20):
        publish(("event.created", {"id": number}))

    def count(_: int) -> None:
        try:
            counters.advance()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(count, range(3)))
    assert counted() == (20, 0)
