from __future__ import annotations

import re
from typing import Any

import pytest

from events.analyzers.languages import can_be_checked, language_of
from events.analyzers.light import Light
from events.analyzers.rules import PARTS, PLACE_TEXTS, RulesAnalyzer
from events.analyzers.sentence import GROUNDS
from events.analyzers.translations import LABELS, ROWS, TRANSLATED_TO
from events.analyzers.wording import TOKEN
from hsi.config.options import SETTINGS
from tests.events.analyzers.contexts import context, seen

FIELD = re.compile(r"{[a-z]+}")


@pytest.mark.parametrize("english", ROWS)
def test_each_text_is_translated_with_the_same_fields(english: str) -> None:
    assert len(ROWS[english]) == len(TRANSLATED_TO)
    for text in ROWS[english]:
        assert sorted(FIELD.findall(text)) == sorted(FIELD.findall(english))


def test_the_setting_offers_the_translated_languages_and_english() -> None:
    setting = next(one for one in SETTINGS if one.name == "TEXT_LANGUAGE")
    assert setting.choices == ("English", *TRANSLATED_TO)
    assert all(can_be_checked(language) for language in map(_language, ("English", *TRANSLATED_TO)))


def test_every_place_and_common_label_has_a_word_in_each_language() -> None:
    assert {*PLACE_TEXTS.values(), *GROUNDS.values()} <= set(ROWS)
    for language in TRANSLATED_TO:
        assert {"person", "car", "dog", "cat", "truck", "bicycle", "knife"} <= set(LABELS[language])


@pytest.mark.parametrize("language", TRANSLATED_TO)
def test_the_rules_write_no_english_in_another_language(settings: Any, language: str) -> None:
    settings.TEXT_LANGUAGE = language
    batch = context(seen(), seen(), seen("car", 0.5), seen(second=70), place="private", light=Light.NIGHT)
    verdict = RulesAnalyzer().judge(batch)
    settings.TEXT_LANGUAGE = "English"
    english = RulesAnalyzer().judge(batch)
    assert verdict.risk_score == english.risk_score
    assert len(verdict.reasoning.splitlines()) == len(english.reasoning.splitlines())
    assert not set(verdict.reasoning.splitlines()) & set(english.reasoning.splitlines())
    assert language_of(TOKEN.findall(verdict.reasoning.lower())).name == language


def test_the_sentence_avoids_gender_and_number(settings: Any) -> None:
    settings.TEXT_LANGUAGE = "German"
    batch = context(seen(), seen(), seen("car"), seen(second=40), place="private", camera_name="Haustür")
    summary = RulesAnalyzer().judge(batch).summary
    assert summary == "Person (2), Auto: Haustür um 23:12, auf Privatgrund 40 Sekunden lang"
    assert len(PARTS) == 10


def _language(name: str) -> Any:
    from events.analyzers.languages import LANGUAGES

    return next(language for language in LANGUAGES if language.name == name)
