from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from events.models import LanguageModelServer, RejectedAnswer
from hsi.metrics import histogram_rows, histograms
from tests import factories
from tests.peers.llm import LlmPeer
from tests.peers.model_servers import SERVERS

pytestmark = pytest.mark.django_db
PAGE = "/admin/language-model/"


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(factories.admin())
    return client


def text(client: Client) -> str:
    return client.get(PAGE).content.decode()


def test_without_a_language_model_the_page_says_so(client: Client, settings: Any) -> None:
    settings.NEMOTRON_URL = ""
    assert "Events are scored by rules." in text(client)


def test_detect_again_shows_what_the_server_supports(client: Client, settings: Any) -> None:
    with LlmPeer(apis=("openai",)) as peer:
        SERVERS["Ollama"](peer, True)
        settings.NEMOTRON_URL, settings.NEMOTRON_API, settings.NEMOTRON_MODEL = peer.url, "auto", ""
        assert "No server was detected yet." in text(client)
        answer = client.post(PAGE, follow=True).content.decode()
    assert "nemotron: Ollama with llama3.2-vision:11b." in answer
    assert "Ollama 0.11.4" in answer
    assert "8192 tokens" in answer
    assert "<dd>accepted</dd>" in answer


def test_a_server_that_is_gone_is_reported_without_its_address(client: Client, settings: Any) -> None:
    settings.NEMOTRON_URL = "http://127.0.0.1:9"
    answer = client.post(PAGE, follow=True).content.decode()
    assert "nemotron could not be asked: AI_SERVICE_UNAVAILABLE." in answer
    assert not LanguageModelServer.objects.exists()


def test_rejections_are_counted_by_kind_and_the_last_are_shown(client: Client) -> None:
    histograms.take()  # those of other tests
    histograms.count(histograms.REJECTIONS, "denial", 3)
    histogram_rows.flush()
    RejectedAnswer.objects.create(kind="denial", reason="the answer denies <it>", answer="<script>", camera_id="porch")
    shown = text(client)
    assert '<b>3</b><span class="what">denies what was detected</span>' in shown
    assert "the answer denies &lt;it&gt;" in shown
    assert "&lt;script&gt;" in shown
