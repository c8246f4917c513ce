from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from detection.models import Batch
from events.models import Event
from hsi.models import QueueJob
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(factories.admin())
    return client


@pytest.fixture
def event(settings: Any) -> Event:
    settings.ANALYZER, settings.NEMOTRON_URL = "llm", "http://127.0.0.1:9"
    event = factories.event(factories.camera("porch", name="Porch <of> Eve"))
    factories.detection(factories.upload(event.camera), event.batches.get(), label="person")
    return event


def page(client: Client, event: Event) -> str:
    return client.get(f"/admin/events/event/{event.pk}/prompt").content.decode()


def test_the_page_shows_what_would_be_asked_with_the_files_as_they_are_now(
    client: Client, event: Event, settings: Any, tmp_path: Path
) -> None:
    shown = page(client, event)
    assert "Camera: Porch (of) Eve" in shown
    assert "person: at most 1 at once" in shown
    assert "You judge what a home security camera saw" in shown
    assert "This is the built-in text." in shown
    settings.PROMPT_DIR = str(tmp_path)
    (tmp_path / "prompt_instructions.txt").write_text("Be brief in {{ language }}.")
    (tmp_path / "prompt.txt").write_text("no fence")
    shown = page(client, event)
    assert "Be brief in English." in shown
    assert "prompt.txt cannot be used" in shown
    assert "Camera: Porch (of) Eve" in shown


def test_the_page_says_why_no_pictures_would_be_sent(client: Client, event: Event, settings: Any) -> None:
    assert "No pictures" not in page(client, event)
    settings.NEMOTRON_URL = "http://8.8.8.8:8000"
    assert "No pictures: the server is outside the private network." in page(client, event)
    settings.NEMOTRON_IMAGES = "never"
    assert "No pictures: NEMOTRON_IMAGES is never." in page(client, event)


def test_judge_again_queues_the_event(client: Client, event: Event) -> None:
    assert "Judge again with this prompt" in page(client, event)
    client.post(f"/admin/events/event/{event.pk}/reanalyse")
    assert QueueJob.objects.filter(queue="analysis_queue").exists()
    assert event.batches.get().state == Batch.State.CLOSED


def test_by_rules_nothing_is_asked(client: Client, event: Event, settings: Any) -> None:
    settings.ANALYZER = "rules"
    assert "Events are scored by rules" in page(client, event)
