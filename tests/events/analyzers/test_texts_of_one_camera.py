"""Texts from the time when analysers were told of other cameras."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction

from cameras.models import Camera
from events.models import Event, Judgement
from events.serializers import event_data
from hsi.models import KeptAnswer, StreamMessage
from hsi.outbox import publish
from hsi.outbox.messages import Message
from tests import factories

pytestmark = pytest.mark.django_db

SECTION = "Other cameras near in time:\n{}\n"
BESIDE = "- Nursery: person 2 times, 20 s before\n- Shed: car once, 5 s after\n"
ALONE = "- nothing\n"
BY_RULES = "Score by rules: person at 99% +45; person at another camera near in time +5; seen 4 times +4. Total 54."


def judged(camera: Camera, others: str, hours: float, **values: Any) -> Event:
    at = factories.NOW + timedelta(hours=hours)
    texts = {
        "summary": "After the nursery.",
        "reasoning": "As in the nursery.",
        "recommended_action": "See the nursery.",
    }
    event = factories.event(camera, started_at=at, ended_at=at, risk_source="llm", **texts | values)
    prompt = f"Camera: Door\n\n{SECTION.format(others)}Earlier events of this camera:\n- none\nDATA>>>"
    verdict: dict[str, Any] = {"risk_source": "llm", "risk_score": 70, "risk_level": "high"}
    Judgement.objects.create(event=event, prompt=prompt, answer="nursery", **verdict)
    with transaction.atomic():
        publish.publish(Message("event.created", camera.pk, event_data(event)))
    return event


def migrated(event: Event) -> Event:
    import_module("events.migrations.0008_texts_of_one_camera").remove(apps, None)
    return Event.with_trash.get(pk=event.pk)


@pytest.fixture
def door() -> Camera:
    factories.camera("nursery")
    return factories.camera("door")


def test_a_text_whose_model_was_told_of_another_camera_goes_with_its_copies(door: Camera):
    event = judged(door, BESIDE, 0, deleted_at=factories.NOW)
    user = factories.user()
    KeptAnswer.objects.create(user=user, key="k", request="r", status=202, data=dict(event_data(event)))
    KeptAnswer.objects.create(user=user, key="l", request="r", status=207, data={"items": []})
    after = migrated(event)
    assert (after.summary, after.recommended_action, after.risk_score) == ("", "", event.risk_score)
    assert "Judge the event again" in after.reasoning
    for rows in (Event.with_trash, Judgement.objects, StreamMessage.objects, KeptAnswer.objects):
        texts = repr(list(rows.values())).lower()
        assert "nursery" not in texts
        assert "shed" not in texts
    assert Judgement.objects.get().prompt == "Camera: Door\n\nEarlier events of this camera:\n- none\nDATA>>>"


def test_a_text_that_was_told_of_such_a_text_goes_too_and_others_stay(door: Camera):
    before, told, next_day, later = (
        judged(door, others, hours) for others, hours in ((ALONE, -1), (BESIDE, 0), (ALONE, 40), (ALONE, 100))
    )
    elsewhere = judged(factories.camera("yard"), ALONE, 1)
    kept = [bool(migrated(event).summary) for event in (before, told, next_day, later, elsewhere)]
    assert kept == [True, False, False, True, True]


def test_a_text_whose_prompt_was_not_kept_goes(door: Camera):
    event = judged(door, ALONE, 0)
    Judgement.objects.all().delete()
    assert migrated(event).summary == ""


def test_of_a_single_camera_everything_stays():
    event = judged(factories.camera("door"), ALONE, 0)
    assert migrated(event).summary == event.summary
    assert Judgement.objects.get().answer == "nursery"


def test_a_score_by_rules_loses_what_it_says_of_another_camera(door: Camera):
    event = factories.event(door, reasoning=BY_RULES)
    with transaction.atomic():
        publish.publish(Message("event.created", door.pk, event_data(event)))
    after = migrated(event)
    assert after.reasoning == "Score by rules: person at 99% +45; seen 4 times +4. Total 54."
    assert StreamMessage.objects.get().data["reasoning"] == after.reasoning
    assert after.summary == event.summary
