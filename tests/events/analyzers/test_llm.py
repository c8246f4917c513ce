from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from events.analyzers import ANALYZERS, Analyzer, get_analyzer
from events.analyzers.rejections import AnswerCutOffError
from hsi.errors import AIServiceAnswerError, AIServiceError, AIServiceRejectedError, AIServiceUnavailableError
from tests.events.analyzers.contexts import context
from tests.events.analyzers.test_verdict import BAD
from tests.peers.llm import CHAT, COMPLETION, HEALTH, MODELS, LlmPeer, Reply, verdict_text

pytestmark = pytest.mark.django_db
APIS = ["openai", "llamacpp"]


@pytest.fixture
def peer(settings: Any) -> Iterator[LlmPeer]:
    with LlmPeer() as peer:
        use(settings, peer)
        yield peer
        ANALYZERS.close()


def use(settings: Any, peer: LlmPeer, api: str = "auto") -> None:
    settings.ANALYZER, settings.NEMOTRON_URL, settings.NEMOTRON_API = "auto", peer.url, api
    settings.NEMOTRON_MODEL, settings.NEMOTRON_API_KEY = "", ""


def refused(kind: type[AIServiceError] = AIServiceError) -> AIServiceError:
    with pytest.raises(kind) as caught:
        get_analyzer().judge(context())
    return caught.value


@pytest.mark.parametrize("api", APIS)
def test_a_verdict_comes_back_through_either_api(settings: Any, peer: LlmPeer, api: str) -> None:
    use(settings, peer, api)
    verdict = get_analyzer().judge(context())
    assert (verdict.risk_score, verdict.risk_level, verdict.source) == (42, "medium", "llm")
    assert verdict.model == "stub-model"
    assert verdict.answer == verdict_text(summary="A person was seen in front of the camera.")
    assert "person" in verdict.prompt
    assert peer.calls == 1


def test_chat_completions_are_asked_with_a_bounded_schema_and_a_fenced_question(peer: LlmPeer, settings: Any) -> None:
    settings.NEMOTRON_API_KEY = "a key"
    settings.NEMOTRON_MAX_TOKENS = 300
    get_analyzer().judge(context())
    (request,) = peer.judgements
    assert request.path == CHAT
    assert request.headers["Authorization"] == "Bearer a key"
    assert request.body["model"] == "stub-model"
    assert request.body["max_tokens"] == 300
    assert {"temperature", "frequency_penalty", "repeat_penalty"} <= set(request.body)
    schema = request.body["response_format"]["json_schema"]
    assert request.body["response_format"]["type"] == "json_schema"
    assert schema["strict"] is True
    assert schema["schema"]["additionalProperties"] is False
    assert [one["role"] for one in request.body["messages"]] == ["system", "user"]
    assert "Front door" in request.body["messages"][1]["content"]
    assert "Front door" not in request.body["messages"][0]["content"]


def test_llamacpps_completion_is_asked_with_prompt_schema_and_stops(peer: LlmPeer, settings: Any) -> None:
    use(settings, peer, "llamacpp")
    get_analyzer().judge(context())
    (request,) = peer.requests  # no probe either
    assert request.path == COMPLETION
    assert request.body["n_predict"] == settings.NEMOTRON_MAX_TOKENS
    assert request.body["json_schema"]["required"]
    assert request.body["stop"]
    assert request.body["cache_prompt"] is True
    assert "Front door" in request.body["prompt"]


def test_auto_probes_once_and_remembers(peer: LlmPeer) -> None:
    for _ in range(3):
        get_analyzer().judge(context())
    assert (peer.paths.count(MODELS), peer.calls) == (1, 3)


def test_auto_falls_back_to_completion_where_chat_is_unknown(settings: Any) -> None:
    with LlmPeer(apis=("llamacpp",)) as peer:
        use(settings, peer)
        assert get_analyzer().judge(context()).risk_score == 42
        assert get_analyzer().check() == "ready (llamacpp)"
        assert [path for path in peer.paths if path != HEALTH] == [MODELS, COMPLETION, MODELS]


def test_a_failed_call_is_followed_by_a_new_probe(peer: LlmPeer) -> None:
    get_analyzer().judge(context())
    peer.fails(500)
    refused()
    peer.model = "another-model"
    assert get_analyzer().judge(context()).model == "another-model"
    assert [path for path in peer.paths if path in (MODELS, CHAT)] == [MODELS, CHAT, CHAT, MODELS, CHAT]


def test_a_named_model_is_asked_for(peer: LlmPeer, settings: Any) -> None:
    use(settings, peer, "openai")
    settings.NEMOTRON_MODEL = "mine"
    get_analyzer().judge(context())
    assert peer.judgements[0].body["model"] == "mine"


def test_an_address_that_ends_in_v1_is_understood(peer: LlmPeer, settings: Any) -> None:
    settings.NEMOTRON_URL = f"{peer.url}/v1/"
    assert get_analyzer().judge(context()).risk_score == 42


@pytest.mark.django_db(transaction=True)
def test_threads_share_one_probe(peer: LlmPeer) -> None:
    analyzer = get_analyzer()
    scores: list[int] = []
    threads = [threading.Thread(target=lambda: scores.append(analyzer.judge(context()).risk_score)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert scores == [42] * 8
    assert peer.paths.count(MODELS) == 1


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in BAD.items() if name != "parts"])
def test_a_bad_answer_ends_in_a_retryable_error_and_the_next_is_fine(
    settings: Any, peer: LlmPeer, api: str, text: object
) -> None:
    use(settings, peer, api)
    peer.says(text)
    error = refused(AIServiceAnswerError)
    assert error.retryable
    assert error.counts
    assert len(error.body) <= 2000
    assert get_analyzer().judge(context()).risk_score == 42


@pytest.mark.parametrize("score", [900, -5, "high", None])
def test_a_score_that_is_none_is_an_error(peer: LlmPeer, score: object) -> None:
    peer.says(verdict_text(risk_score=score))
    assert "risk_score" in refused(AIServiceAnswerError).detail


def test_a_level_that_contradicts_the_score_is_put_right(peer: LlmPeer) -> None:
    peer.says(verdict_text(risk_score=62, risk_level="medium"))
    verdict = get_analyzer().judge(context())
    assert (verdict.risk_level, len(verdict.corrections)) == ("high", 1)


def _message(**fields: Any) -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", **fields}, "finish_reason": "stop"}
    return Reply(raw=json.dumps({"choices": [choice]}).encode())


CALL = {"type": "function", "function": {"name": "verdict", "arguments": verdict_text()}}
OLLAMA_CALL = {"function": {"name": "verdict", "arguments": json.loads(verdict_text())}}


@pytest.mark.parametrize(
    "fields",
    [
        {"content": [{"type": "text", "text": verdict_text()}]},
        {"content": [{"type": "reasoning", "reasoning": "Let me see."}, {"type": "text", "text": verdict_text()}]},
        {"content": None, "tool_calls": [CALL]},
        {"content": "", "tool_calls": [OLLAMA_CALL]},
        {"content": "", "function_call": CALL["function"]},
        {"content": "", "reasoning_content": f"I weigh it. {verdict_text()}"},
        {"content": "Done.", "reasoning": verdict_text()},
        {"content": verdict_text(), "reasoning_content": verdict_text(risk_score=90)},
    ],
    ids=[
        "parts",
        "parts with thoughts",
        "tool",
        "tool of an object",
        "function",
        "thoughts",
        "thoughts and prose",
        "both",
    ],
)
def test_a_verdict_is_found_anywhere_in_the_message(peer: LlmPeer, fields: dict[str, Any]) -> None:
    peer.replies.append(_message(**fields))
    assert get_analyzer().judge(context()).model_score == 42


@pytest.mark.parametrize("api", APIS)
def test_an_answer_that_ran_out_of_tokens_is_an_error_of_its_own(settings: Any, peer: LlmPeer, api: str) -> None:
    use(settings, peer, api)
    peer.says(verdict_text()[:-1], cut_off=True)
    refused(AnswerCutOffError)


@pytest.mark.parametrize("said", [{"stopped_limit": True}, {"truncated": True}, {"stop_type": "limit"}])
def test_every_way_in_which_llamacpp_says_cut_off_is_understood(
    settings: Any, peer: LlmPeer, said: dict[str, Any]
) -> None:
    use(settings, peer, "llamacpp")
    peer.replies.append(Reply(raw=json.dumps({"content": verdict_text()[:-1], **said}).encode()))
    refused(AnswerCutOffError)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        b'{"choices":[]}',
        b'{"choices":[null]}',
        b'{"choices":{"0":1}}',
        b'{"choices":[{"message":null}]}',
        b'{"choices":[{"message":{"content":{}}}]}',
        b'{"content":5}',
        b'{"error":{"message":"no slot"}}',
        b"[" * 100_000,
        b'"' + b"x" * 5_000_000 + b'"',
    ],
    ids=lambda raw: raw[:24].decode(),
)
def test_a_reply_that_is_not_the_apis_is_a_retryable_error(settings: Any, peer: LlmPeer, api: str, raw: bytes) -> None:
    use(settings, peer, api)
    peer.replies.append(Reply(raw=raw))
    error = refused(AIServiceAnswerError)
    assert error.retryable
    assert len(error.body) <= 2000


def test_a_busy_server_is_waited_for_as_long_as_it_asks(peer: LlmPeer) -> None:
    peer.fails(503, {"Retry-After": "7"})
    error = refused(AIServiceUnavailableError)
    assert error.retry_after_seconds == 7
    assert not error.counts


@pytest.mark.parametrize(
    ("status", "kind"), [(400, AIServiceRejectedError), (401, AIServiceUnavailableError), (500, AIServiceError)]
)
def test_a_refusal_keeps_its_status_and_words(peer: LlmPeer, status: int, kind: type[AIServiceError]) -> None:
    words = b"the request exceeds the available context size"
    peer.fails(status, raw=words)
    peer.says(verdict_text())  # a prompt that is known to be good
    peer.fails(status, raw=words)
    error = refused(kind)
    assert error.http_status == status
    assert "context size" in error.body


def test_a_server_that_is_gone_is_unavailable(peer: LlmPeer, settings: Any) -> None:
    get_analyzer().judge(context())
    peer.__exit__()
    settings.NEMOTRON_URL = peer.url
    refused(AIServiceUnavailableError)


def test_a_server_that_drips_its_answer_is_cut_off_in_time(peer: LlmPeer, settings: Any) -> None:
    settings.NEMOTRON_READ_TIMEOUT = 0.5
    peer.replies.append(Reply(verdict_text(), drip_seconds=0.1))
    began = time.monotonic()
    error = refused()
    assert time.monotonic() - began < 5
    assert error.retryable
    assert "slow" in error.detail or "within" in error.detail


def test_a_probe_is_as_short_as_a_health_check(peer: LlmPeer, settings: Any) -> None:
    settings.AI_HEALTH_TIMEOUT = 0.3
    peer.models = Reply(raw=b"x" * 1000, drip_seconds=0.1)
    began = time.monotonic()
    refused()
    assert time.monotonic() - began < 5
    assert peer.calls == 0


def test_the_health_check_names_the_model(peer: LlmPeer) -> None:
    assert get_analyzer().check() == "ready (stub-model)"
    assert peer.calls == 0


def test_vllms_empty_health_is_well(peer: LlmPeer) -> None:
    peer.health = Reply(raw=b"")
    assert get_analyzer().check() == "ready (stub-model)"


@pytest.mark.parametrize("status", [404, 405])
def test_a_server_without_a_health_route_is_judged_by_its_models(peer: LlmPeer, status: int) -> None:
    peer.health = Reply(status=status, raw=b"not here")
    assert get_analyzer().check() == "ready (stub-model)"
    peer.models = Reply(status=status, raw=b"not here")
    with pytest.raises(AIServiceUnavailableError):
        get_analyzer().check()


@pytest.mark.parametrize(
    "health",
    [Reply(status=503, raw=b'{"error":{"message":"Loading model"}}'), Reply(raw=b'{"status":"loading model"}')],
)
def test_a_server_that_still_loads_is_unavailable(peer: LlmPeer, health: Reply) -> None:
    peer.health = health
    with pytest.raises(AIServiceUnavailableError):
        get_analyzer().check()


def test_models_that_are_no_list_are_a_bad_answer_and_an_empty_list_names_none(peer: LlmPeer) -> None:
    peer.models = Reply(raw=b'{"data":[]}')
    assert get_analyzer().check() == "ready"
    assert get_analyzer().judge(context()).risk_score == 42
    assert "model" not in peer.judgements[0].body
    peer.models = Reply(raw=b'{"models":5}')
    with pytest.raises(AIServiceAnswerError):
        get_analyzer().check()


def test_it_is_an_analyzer(peer: LlmPeer) -> None:
    analyzer: Analyzer = get_analyzer()
    assert analyzer.name == "llm"


def test_a_server_without_json_schema_is_asked_for_any_json_and_remembered(peer: LlmPeer) -> None:
    peer.refuse_when(lambda body: body.get("response_format", {}).get("type") == "json_schema")
    for _ in range(3):
        assert get_analyzer().judge(context()).risk_score == 42
    forms = [one.body.get("response_format", {}).get("type") for one in peer.judgements]
    assert forms == ["json_schema"] * 4 + ["json_object"] * 4


@pytest.mark.parametrize(
    ("is_refused", "left"),
    [
        (lambda body: "response_format" in body, {"temperature", "frequency_penalty"}),
        (lambda body: "repeat_penalty" in body, {"response_format", "temperature", "frequency_penalty"}),
        (lambda body: any(one["role"] == "system" for one in body["messages"]), {"response_format"}),
        (lambda body: "response_format" in body or "frequency_penalty" in body, set()),
    ],
    ids=["any response_format", "an unknown parameter", "a system message", "both"],
)
def test_what_a_server_does_not_know_is_left_out(peer: LlmPeer, is_refused: Any, left: set[str]) -> None:
    peer.refuse_when(is_refused)
    assert get_analyzer().judge(context()).risk_score == 42
    optional = {"response_format", "temperature", "frequency_penalty", "repeat_penalty"}
    assert optional & set(peer.judgements[-1].body) == left
    assert "Front door" in peer.judgements[-1].body["messages"][-1]["content"]


def test_llamacpps_completion_is_asked_without_a_schema_where_it_knows_none(peer: LlmPeer, settings: Any) -> None:
    use(settings, peer, "llamacpp")
    peer.refuse_when(lambda body: "json_schema" in body, status=501)
    assert get_analyzer().judge(context()).risk_score == 42


def test_a_server_that_was_replaced_is_asked_in_the_best_manner_again(peer: LlmPeer) -> None:
    peer.refuse_when(lambda body: "json_schema" in str(body.get("response_format")))
    get_analyzer().judge(context())
    peer.refuse_when(lambda body: False)
    peer.model = "another-model"
    get_analyzer().judge(context())
    get_analyzer().judge(context())
    assert peer.judgements[-1].body["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "No models loaded. Please load a model in the developer page."),
        (400, "Failed to load model 'gemma'."),
        (422, "something that nobody has foreseen"),
        (404, "model 'nemotron' not found"),
        (500, "model is still loading"),
    ],
)
def test_a_server_that_refuses_every_prompt_is_waited_for(peer: LlmPeer, status: int, words: str) -> None:
    peer.refuse_when(lambda body: True, status=status, words=words)
    error = refused(AIServiceUnavailableError)
    assert not error.counts
    assert words in error.detail
    peer.refuse_when(lambda body: False)
    assert get_analyzer().judge(context()).risk_score == 42


def test_an_error_inside_a_good_answer_is_no_answer(peer: LlmPeer) -> None:
    peer.replies.append(Reply(raw=b'{"error":{"message":"the model is not loaded"}}'))
    assert "not loaded" in refused(AIServiceUnavailableError).detail


@pytest.mark.parametrize("wanted", ["llama3.2:3b", "LLAMA3.2:3b", "other"])
def test_the_health_check_finds_the_wanted_model(peer: LlmPeer, settings: Any, wanted: str) -> None:
    settings.NEMOTRON_MODEL, peer.model = wanted, "llama3.2:3b"
    if wanted == "other":
        with pytest.raises(AIServiceUnavailableError, match=r"does not have the model other .*has: llama3\.2:3b"):
            get_analyzer().check()
    else:
        assert get_analyzer().check() == f"ready ({wanted})"


def test_llama_cpp_answers_by_any_name(peer: LlmPeer, settings: Any) -> None:
    settings.NEMOTRON_MODEL = "nemotron"
    peer.models = Reply(raw=b'{"data":[{"id":"/models/a.gguf","owned_by":"llamacpp"}]}')
    assert get_analyzer().check() == "ready (nemotron)"
