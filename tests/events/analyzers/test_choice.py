from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from events.analyzers import ANALYZERS, get_analyzer, problems
from events.analyzers.rules import RulesAnalyzer
from hsi.errors import AIServiceUnavailableError


@pytest.fixture(autouse=True)
def _no_address(settings: Any) -> Iterator[None]:
    settings.ANALYZER, settings.NEMOTRON_URL = "auto", ""
    yield
    ANALYZERS.close()


def test_auto_is_rules_without_an_address_and_the_model_with_one(settings: Any) -> None:
    assert get_analyzer().name == "rules"
    assert get_analyzer().check().startswith("ready")
    settings.NEMOTRON_URL = "http://127.0.0.1:9"
    assert get_analyzer().name == "llm"


def test_one_analyser_serves_a_process_until_its_settings_change(settings: Any) -> None:
    settings.NEMOTRON_URL = "http://127.0.0.1:9"
    first = get_analyzer()
    assert get_analyzer() is first
    settings.NEMOTRON_MODEL = "another"
    assert get_analyzer() is not first


def test_a_dotted_path_names_an_analyser_of_ones_own(settings: Any) -> None:
    settings.ANALYZER = "events.analyzers.rules.RulesAnalyzer"
    assert isinstance(get_analyzer(), RulesAnalyzer)
    assert problems() == []


@pytest.mark.parametrize("name", ["nonsense", "events.analyzers.rules.Nothing", "no.such.module"])
def test_a_name_that_means_nothing_is_a_problem(settings: Any, name: str) -> None:
    settings.ANALYZER = name
    (problem,) = problems()
    assert name in problem


def test_a_model_without_an_address_is_a_problem_and_is_waited_for(settings: Any) -> None:
    settings.ANALYZER = "llm"
    assert problems() == ["ANALYZER=llm needs NEMOTRON_URL, the address of a language model service"]
    with pytest.raises(AIServiceUnavailableError, match="NEMOTRON_URL is not set"):
        get_analyzer()
    settings.NEMOTRON_URL = "http://127.0.0.1:9"
    assert problems() == []
    assert get_analyzer().name == "llm"


def test_a_server_where_nobody_listens_is_unavailable(settings: Any) -> None:
    settings.NEMOTRON_URL = "http://127.0.0.1:9"
    with pytest.raises(AIServiceUnavailableError):
        get_analyzer().check()
