"""What a server supports is detected, remembered and detected again, for each server as it is documented."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from events.analyzers import ANALYZERS, get_analyzer
from events.analyzers.server_memory import KEPT
from events.models import LanguageModelServer, RejectedAnswer
from hsi.errors import AIServiceError, AIServiceRejectedError, AIServiceUnavailableError
from tests.events.analyzers.contexts import context, seen
from tests.peers.llm import CHAT, MODELS, LlmPeer, verdict_text
from tests.peers.model_servers import SERVERS

pytestmark = pytest.mark.django_db


@pytest.fixture
def peer(settings: Any) -> Iterator[LlmPeer]:
    with LlmPeer(apis=("openai",)) as peer:
        settings.ANALYZER, settings.NEMOTRON_URL, settings.NEMOTRON_API = "llm", peer.url, "auto"
        settings.NEMOTRON_MODEL = ""
        yield peer
        ANALYZERS.close()


@pytest.fixture
def second(settings: Any) -> Iterator[LlmPeer]:
    with LlmPeer(apis=("openai",), model="second-model") as peer:
        settings.NEMOTRON_FALLBACK_URL, settings.CIRCUIT_FAILURE_THRESHOLD = peer.url, 2
        yield peer


def row() -> LanguageModelServer:
    return LanguageModelServer.objects.get(name="nemotron")


@pytest.mark.parametrize("software", SERVERS)
def test_each_server_is_recognised_with_its_context_and_a_model_that_can_chat(peer: LlmPeer, software: str) -> None:
    SERVERS[software](peer, True)
    assert get_analyzer().check() == f"ready ({peer.model})"
    verdict = get_analyzer().judge(context())
    assert verdict.model == peer.model
    known = row()
    assert (known.software, known.model, known.address) == (software, peer.model, peer.url)
    assert known.context_tokens == (None if software == "TensorRT-LLM" else 8192)
    assert known.accepts_pictures == (None if software in ("vLLM", "TensorRT-LLM") else True)
    assert bool(known.version) == (software != "LM Studio")
    assert known.answer_form == "json_schema"


@pytest.mark.parametrize("software", ["llama.cpp", "Ollama", "LM Studio"])
def test_a_server_without_vision_says_so(peer: LlmPeer, software: str) -> None:
    SERVERS[software](peer, False)
    get_analyzer().judge(context())
    assert row().accepts_pictures is False


def test_fields_that_tensorrt_forbids_are_dropped_once(peer: LlmPeer) -> None:
    SERVERS["TensorRT-LLM"](peer, False)
    for _ in range(3):
        get_analyzer().judge(context())
    assert row().fields == "standard"
    assert ["repetition_penalty" in one.body for one in peer.judgements] == [True, True, False, False, False, False]


def test_lm_studio_without_schemas_is_asked_for_plain_text_and_never_for_json_object_again(peer: LlmPeer) -> None:
    SERVERS["LM Studio"](peer, False)
    peer.is_refused = lambda body: "response_format" in body
    get_analyzer().judge(context())
    get_analyzer().judge(context())
    assert row().answer_form == "text"
    assert "response_format" not in peer.judgements[-1].body


def test_limits_that_a_grammar_does_not_know_are_left_out_of_the_schema(peer: LlmPeer) -> None:
    SERVERS["vLLM"](peer, False)
    peer.refuse_when(lambda body: "maxLength" in str(body), words="features not supported by xgrammar")
    get_analyzer().judge(context())
    assert row().answer_form == "json_schema_plain"
    schema = peer.judgements[-1].body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["risk_score"] == {"type": "integer"}


def test_what_is_known_serves_every_process_until_it_is_old(peer: LlmPeer) -> None:
    get_analyzer().judge(context())
    ANALYZERS.close()  # as another process
    get_analyzer().judge(context())
    assert peer.paths.count(MODELS) == 1
    LanguageModelServer.objects.update(detected_at=timezone.now() - KEPT - timedelta(seconds=1))
    get_analyzer().judge(context())
    assert peer.paths.count(MODELS) == 2


def test_another_model_in_the_settings_is_detected_again(peer: LlmPeer, settings: Any) -> None:
    get_analyzer().judge(context())
    settings.NEMOTRON_MODEL = "another"
    get_analyzer().judge(context())
    assert (row().model, peer.paths.count(MODELS)) == ("another", 2)


def test_a_feature_that_an_upgrade_removed_is_dropped(peer: LlmPeer) -> None:
    get_analyzer().judge(context())
    assert row().answer_form == "json_schema"
    peer.refuse_when(lambda body: "json_schema" in str(body.get("response_format")))
    assert get_analyzer().judge(context()).source == "llm"
    assert row().answer_form == "json_object"


def test_the_second_model_answers_while_the_first_fails_and_the_first_is_left_alone(
    peer: LlmPeer, second: LlmPeer
) -> None:
    peer.refuse_when(lambda body: True, status=503, words="busy")
    assert [get_analyzer().judge(context()).model for _ in range(4)] == ["second-model"] * 4
    assert (peer.paths.count(CHAT), second.calls) == (2, 4)


def test_the_second_model_answers_for_a_rejected_answer_and_never_gets_the_key_of_the_first(
    peer: LlmPeer, second: LlmPeer, settings: Any
) -> None:
    settings.NEMOTRON_API_KEY = "a key"
    peer.says(verdict_text(summary="Nothing was seen."))
    assert get_analyzer().judge(context()).model == "second-model"
    assert "Authorization" in peer.judgements[0].headers
    assert "Authorization" not in second.judgements[0].headers
    assert get_analyzer().judge(context()).model == "stub-model"


def test_when_both_fail_the_error_of_the_first_is_raised(peer: LlmPeer, second: LlmPeer) -> None:
    peer.fails(500, raw=b"first")
    second.fails(500, raw=b"second")
    with pytest.raises(AIServiceError, match="first"):
        get_analyzer().judge(context())


def test_the_health_check_names_both(peer: LlmPeer, second: LlmPeer) -> None:
    assert get_analyzer().check() == "ready (stub-model); fallback ready (second-model)"


def test_the_same_refusal_of_different_prompts_is_a_fault_of_the_server(peer: LlmPeer) -> None:
    words = "the request exceeds the available context size"
    peer.refuse_when(lambda body: "Front door" in str(body), words=words)
    with pytest.raises(AIServiceRejectedError):
        get_analyzer().judge(context())
    with pytest.raises(AIServiceUnavailableError, match="context size"):
        get_analyzer().judge(context(seen("car")))


def test_the_last_rejected_answers_are_kept_with_kind_and_reason(peer: LlmPeer) -> None:
    for number in range(RejectedAnswer.KEPT + 2):
        peer.says(verdict_text(summary=f"A masked person, {number}."))
        with pytest.raises(AIServiceError):
            get_analyzer().judge(context())
    rows = list(RejectedAnswer.objects.order_by("pk"))
    assert len(rows) == RejectedAnswer.KEPT
    assert (rows[-1].kind, rows[-1].model, rows[-1].camera_id) == ("look", "stub-model", "1")
    assert "mask" in rows[-1].reason
    assert "A masked person, 11." in rows[-1].answer
