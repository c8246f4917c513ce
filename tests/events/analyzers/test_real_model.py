"""The analyser against a real llama.cpp server with a tiny model: the protocol is true, the schema binds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from events.analyzers import ANALYZERS, get_analyzer
from events.analyzers.prompt import limits_for
from events.analyzers.rejections import AnswerRejectedError, Kind
from events.models import LanguageModelServer
from events.severity import LEVELS
from tests.events.analyzers.contexts import context, seen
from tests.peers.llamacpp import LlamaCpp

# A model of 270 million parameters fills the schema and judges nothing, so the checks reject nearly all of its answers.
ATTEMPTS = 3
MAX_TOKENS = 160
# What the schema rules out.
UNREADABLE = {Kind.NO_TEXT, Kind.NO_JSON, Kind.CONTRADICTORY, Kind.SCORE, Kind.MISSING_TEXT}


@pytest.fixture(scope="module")
def server() -> Iterator[LlamaCpp]:
    with LlamaCpp() as server:
        yield server


def _answer() -> tuple[str, Kind | None]:
    """The text of an answer, and why it was rejected."""
    try:
        return get_analyzer().judge(context(*[seen(second=second) for second in (0, 5, 10)])).answer, None
    except AnswerRejectedError as error:
        return error.body, error.kind


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("api", ["openai", "llamacpp"])
def test_a_real_server_is_recognised_and_its_answers_follow_the_schema(
    settings: Any, server: LlamaCpp, api: str
) -> None:
    settings.ANALYZER, settings.NEMOTRON_URL, settings.NEMOTRON_API = "llm", server.url, api
    settings.NEMOTRON_MODEL, settings.NEMOTRON_MAX_TOKENS = "", MAX_TOKENS
    assert get_analyzer().check().startswith("ready")
    answers = [_answer() for _ in range(ATTEMPTS)]
    assert UNREADABLE.isdisjoint(kind for _, kind in answers)
    limits = limits_for(MAX_TOKENS)
    # An answer that only adds white space until the token limit is incomplete.
    for fields in (json.loads(text) for text, kind in answers if kind != Kind.CUT_OFF):
        assert 0 <= fields["risk_score"] <= 100
        assert fields["risk_level"] in LEVELS
        assert 1 <= len(fields["summary"]) <= limits.summary
        assert 1 <= len(fields["reasoning"]) <= limits.reasoning
        assert len(fields["recommended_action"]) <= limits.action
    known = LanguageModelServer.objects.get()
    assert (known.software, known.api, known.accepts_pictures) == ("llama.cpp", api, False)
    assert known.answer_form == "json_schema"
    ANALYZERS.close()
