"""The analyser against a real llama.cpp server with a tiny model: the protocol is true, the schema binds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from events.analyzers import ANALYZERS, Context, Verdict, get_analyzer
from events.analyzers.prompt import limits_for
from events.severity import level_of
from hsi.errors import AIServiceAnswerError
from tests.events.analyzers.contexts import context, seen
from tests.peers.llamacpp import LlamaCpp

# A model of 270 million parameters loses its way now and then; a job is tried again just the same.
ATTEMPTS = 8
MAX_TOKENS = 160


@pytest.fixture(scope="module")
def server() -> Iterator[LlamaCpp]:
    with LlamaCpp() as server:
        yield server


def _judged(batch: Context) -> Verdict:
    errors: list[str] = []
    for _ in range(ATTEMPTS):
        try:
            return get_analyzer().judge(batch)
        except AIServiceAnswerError as error:
            errors.append(f"{error.detail}: {error.body[:300]}")
    raise AssertionError("\n".join(errors))


@pytest.mark.slow
@pytest.mark.parametrize("api", ["openai", "llamacpp"])
def test_a_real_model_gives_a_valid_verdict_bound_by_the_schema(settings: Any, server: LlamaCpp, api: str) -> None:
    settings.ANALYZER, settings.NEMOTRON_URL, settings.NEMOTRON_API = "llm", server.url, api
    settings.NEMOTRON_MODEL, settings.NEMOTRON_MAX_TOKENS = "", MAX_TOKENS
    assert get_analyzer().check().startswith("ready")
    verdict = _judged(context(*[seen(second=second) for second in (0, 5, 10)]))
    limits = limits_for(MAX_TOKENS)
    assert 0 <= verdict.risk_score <= 100
    assert verdict.risk_level == level_of(verdict.risk_score)
    assert 1 <= len(verdict.summary) <= limits.summary
    assert 1 <= len(verdict.reasoning) <= limits.reasoning
    assert len(verdict.recommended_action) <= limits.action
    assert verdict.source == "llm"
    assert "gemma" in verdict.model
    ANALYZERS.close()
