"""The list of events in the admin: narrowed down, searched and reviewed without walking the table."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from events.models import Event, EventFeedback
from hsi.admin import base
from hsi.models import AuditEntry
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db

LIST = "/admin/events/event/"


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(factories.admin("boss"))
    return client


def found(boss: Client, **asked: str) -> list[int]:
    answer = boss.get(LIST, asked)
    assert answer.status_code == 200
    return [event.pk for event in answer.context["cl"].result_list]


def test_events_are_found_by_source_state_level_and_feedback(boss: Client):
    waits = factories.event(analysis="pending", summary="")
    rules = factories.event(risk_source="rules", analysis="failed", risk_score=10, risk_level="low")
    model = factories.event(risk_source="llm", reviewed=True)
    EventFeedback.objects.create(event=model, by="ann", verdict="false_alarm")
    assert found(boss, source="none") == [waits.pk]
    assert found(boss, source="rules") == [rules.pk]
    assert found(boss, source="llm") == [model.pk]
    assert found(boss, feedback="false_alarm") == [model.pk]
    assert found(boss, feedback="right") == []
    assert found(boss, analysis__exact="failed") == [rules.pk]
    assert found(boss, risk_level__exact="high") == [model.pk]
    assert found(boss, reviewed__exact="1") == [model.pk]
    assert found(boss, camera__id__exact=waits.camera_id) == [waits.pk]
    assert sorted(found(boss, source="x", feedback="\0"[:0])) == sorted([waits.pk, rules.pk, model.pk])


def test_words_are_looked_up_in_the_index_and_a_number_is_an_event(boss: Client):
    one = factories.event(summary="A courier leaves a parcel.", notes="from aunt Ada")
    factories.event(summary="A dog runs by.")
    assert found(boss, q="parcel") == [one.pk]
    assert found(boss, q="ada") == [one.pk]
    assert found(boss, q=str(one.pk)) == [one.pk]
    for nonsense in ("9" * 30, "cat", '"', "-*", "x" * 5000):
        assert found(boss, q=nonsense) == []


def test_a_source_is_named_and_what_is_not_the_last_word_says_so(boss: Client):
    judged: dict[str, Any] = {"risk_score": 70, "risk_level": "high"}
    factories.event(risk_source="llm")
    factories.event(risk_source="llm", analysis="failed", **judged)
    factories.event(risk_source="rules", analysis="pending", **judged)
    factories.event(analysis="failed")
    text = boss.get(LIST).content.decode()
    for words in ("language model", "another analysis failed", "so far, being analysed", "analysis failed"):
        assert words in text


def test_many_are_reviewed_at_once_and_no_more_than_one_transaction_should_hold(
    boss: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(base, "ACTED_ON_AT_ONCE", 2)
    for minutes in range(3):
        factories.event(started_at=NOW - timedelta(minutes=minutes))
    chosen = {"action": "mark_reviewed", "select_across": "1", "_selected_action": ["1"]}
    answer = boss.post(LIST, chosen, follow=True)
    assert "2 changed. There are more: do it again." in answer.content.decode()
    assert list(Event.objects.order_by("-started_at").values_list("reviewed", flat=True)) == [True, True, False]
    boss.post(LIST, chosen)
    assert AuditEntry.objects.filter(action="event_reviewed").count() == 3
    assert not Event.objects.filter(reviewed=False).exists()


@pytest.mark.parametrize(
    "narrow", [{}, {"reviewed": False}, {"camera": "door"}, {"risk_level": "low"}, {"risk_source": "llm"},
               {"risk_source": None}, {"analysis": "failed"}],
)  # fmt: skip
def test_each_filter_reads_along_an_index_in_the_order_of_the_list(narrow: dict[str, object]):
    events = Event.objects.filter(**narrow).order_by("-started_at", "-id").values("id")[:50]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_sort = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
        assert '"Node Type": "Sort"' not in json.dumps(json.loads(events.explain(format="json")))
    else:
        plan = events.explain()
        assert "USING" in plan
        assert "INDEX" in plan
        assert "TEMP B-TREE" not in plan
