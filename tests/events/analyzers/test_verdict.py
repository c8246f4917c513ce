from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as tries
from hypothesis import strategies as st

from events.analyzers import Verdict
from events.analyzers.apis import Answer
from events.analyzers.extract import verdict_object
from events.analyzers.light import Light
from events.analyzers.rejections import AnswerCutOffError, AnswerRejectedError, Kind
from events.analyzers.verdict import KEPT_ANSWER_CHARACTERS, verdict_from
from events.severity import level_of
from hsi.errors import AIServiceAnswerError
from tests.events.analyzers.contexts import context, seen
from tests.peers.llm import verdict_text

RULES = Verdict(50, "medium", "A person", "Score by rules", "rules", rule_score=50)


def judged(text: Any, **changes: Any) -> Verdict:
    return verdict_from(Answer(text, **changes), context(), RULES, service="nemotron")


def refused(text: Any, **changes: Any) -> AnswerRejectedError:
    with pytest.raises(AnswerRejectedError) as caught:
        judged(text, **changes)
    return caught.value


def test_a_clean_answer_becomes_a_verdict() -> None:
    text = verdict_text(recommended_action="Lock the car.")
    verdict = judged(text, model="a\nmodel")
    assert verdict == Verdict(
        risk_score=42,
        risk_level="medium",
        summary="Someone was seen in front of the camera.",
        reasoning="It is brief, and ordinary for this hour.",
        source="llm",
        recommended_action="Lock the car.",
        model="a model",
        rule_score=50,
        model_score=42,
    )
    assert verdict.answer == text


@pytest.mark.parametrize(("score", "number"), [(0, 0), (100, 100), ("75", 75), (" 75.0 ", 75), (75.0, 75), ("007", 7)])
def test_a_whole_number_is_a_score_however_it_is_written(score: object, number: int) -> None:
    verdict = judged(verdict_text(risk_score=score, risk_level=level_of(number)))
    assert verdict.model_score == number


@pytest.mark.parametrize(("score", "final"), [(0, 20), (20, 20), (80, 80), (100, 80)])
def test_a_score_far_from_the_rules_is_held_near_them_and_the_score_of_the_model_is_kept(
    score: int, final: int
) -> None:
    verdict = judged(verdict_text(risk_score=score, risk_level=level_of(score)))
    assert (verdict.risk_score, verdict.risk_level) == (final, level_of(final))
    assert (verdict.rule_score, verdict.model_score) == (50, score)
    held = (f"score {score} held at {final}, because the rules score 50",) if score != final else ()
    assert verdict.corrections == held


@pytest.mark.parametrize(
    "score",
    [
        900,
        -5,
        101,
        75.5,
        0.8,
        True,
        False,
        None,
        "",
        "high",
        "75/100",
        "75%",
        "\u0667\u0665",
        "1e2",
        [75],
        {"v": 75},
        ...,
        10**400,
        "9" * 5000,
    ],
)
def test_anything_else_is_never_made_into_a_score(score: object) -> None:
    error = refused(verdict_text(risk_score=score))
    assert "risk_score" in error.detail
    assert len(error.detail) < 200


@pytest.mark.parametrize("score", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_a_number_that_json_should_not_hold_is_refused(score: str) -> None:
    assert refused(verdict_text().replace("42", score)).retryable


def test_a_level_that_contradicts_the_score_is_put_right_and_noted() -> None:
    verdict = judged(verdict_text(risk_score=62, risk_level="medium"))
    assert verdict.risk_level == "high"
    assert verdict.corrections == ("risk_level 'medium' does not fit the score of 62: high",)


def test_a_level_two_bands_from_the_score_is_rejected() -> None:
    error = refused(verdict_text(risk_score=75, risk_level="low"))
    assert (error.kind, error.detail) == (Kind.LEVEL, "risk_level low contradicts the score of 75")


def test_a_missing_level_is_noted_and_a_level_in_capitals_is_fine() -> None:
    assert judged(verdict_text(risk_level=...)).corrections == ("risk_level was missing: medium by the score of 42",)
    assert judged(verdict_text(risk_level=" MEDIUM ")).corrections == ()


@pytest.mark.parametrize("name", ["summary", "reasoning"])
@pytest.mark.parametrize("value", [..., None, "", "  \n", "\x00\u202e", "...", 5, ["x"], {"a": "b"}])
def test_a_verdict_without_words_is_refused(name: str, value: object) -> None:
    assert name in refused(verdict_text(**{name: value})).detail


def test_long_texts_are_cut_and_control_characters_dropped() -> None:
    verdict = judged(
        verdict_text(
            summary="person " + "s" * 5000, reasoning="night " + "r\x00\x1b\r\n" * 1500, recommended_action="a" * 900
        )
    )
    assert (len(verdict.summary), len(verdict.reasoning), len(verdict.recommended_action)) == (300, 2000, 300)
    assert f"{verdict.summary}{verdict.reasoning}".isprintable()
    assert len(verdict.corrections) == 3


def test_an_action_that_is_no_text_is_left_out() -> None:
    assert judged(verdict_text(recommended_action=["call"])).recommended_action == ""


def test_an_answer_that_names_what_was_not_detected_is_refused() -> None:
    error = refused(verdict_text(summary="A person with a knife and a dog."))
    assert error.detail == "the answer names what was not detected: knife, dog"
    assert "knife" in error.body


def test_a_complete_answer_at_the_token_limit_is_used_and_an_incomplete_one_is_an_error_of_its_own() -> None:
    assert judged(verdict_text(), cut_off=True) == judged(verdict_text())
    error = refused(verdict_text()[:-3], cut_off=True)
    assert isinstance(error, AnswerCutOffError)
    assert error.code == "AI_SERVICE_ANSWER_CUT_OFF"
    assert error.retryable
    assert "Someone" in error.body


def test_an_incomplete_answer_is_not_repaired_after_the_token_limit() -> None:
    assert refused(verdict_text().replace("}", ",}"), cut_off=True).kind == Kind.CUT_OFF


def test_an_answer_to_half_a_prompt_is_rejected() -> None:
    assert refused(verdict_text(), is_prompt_cut_off=True).kind == Kind.CUT_OFF


BAD = {
    "prose": "I think this is quite risky, maybe 70 of 100.",
    "empty": "",
    "white space": " \n ",
    "5 MB": "x" * 5_000_000,
    "5 MB of braces": "{" * 5_000_000,
    "html": "<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>",
    "null": None,
    "parts": [{"type": "text", "text": verdict_text()}],
    "list": "[1, 2]",
    "list of a verdict": f"[{verdict_text()}]",
    "string": '"risk_score 50"',
    "number": "75",
    "nested twice": f'{{"a": {{"verdict": {verdict_text()}}}}}',
    "two nested": f'{{"a": {verdict_text()}, "b": {verdict_text()}}}',
    "empty object": "{}",
    "deep": "[" * 30_000,
    "deep objects": '{"risk_score":' * 2_000,
    "deep and closed": '{"risk_score":' * 2_000 + "1" + "}" * 2_000,
    "cut in the number": '{"summary": "A person.", "reasoning": "x", "risk_score": 7',
    "cut in a string": '{"risk_score": 75, "reasoning": "x", "summary": "A pers',
    "only thought": "<think>Let me see. The score might be 50.",
    "schema": '{"type": "object", "properties": {"risk_score": {"type": "integer"}}}',
    "two that differ": f"First: {verdict_text(risk_score=10)} or rather {verdict_text(risk_score=90)}",
    "control bytes": "\x00\x01\ud800",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_a_bad_answer_is_a_retryable_error_with_a_bounded_body(text: object) -> None:
    error = refused(text)
    assert error.retryable
    assert error.counts
    assert error.service == "nemotron"
    assert len(error.body) <= 2000
    assert "\x00" not in error.body
    error.body.encode("utf-8")


REPAIRED = {
    "fence": f"```json\n{verdict_text()}\n```",
    "think": f"<think>It may be {{10}} or risk_score: 90</think>\n{verdict_text()}",
    "think with a draft": f"<think>Draft: {verdict_text(risk_score=90)}</think>\n{verdict_text()}",
    "think that the server opened": f"So I say 42.</think>{verdict_text()}",
    "think that never closed": f"<think>Done thinking. {verdict_text()}",
    "prose": f"Here is my verdict: {verdict_text()} I hope that helps! {{}}",
    "nested": f'{{"verdict": {verdict_text()}}}',
    "nested in prose": f'So: {{"verdict": {verdict_text()}}}.',
    "twice the same": f"{verdict_text()}\n{verdict_text()}",
    "trailing comma": verdict_text().replace("}", ",}"),
    "single quotes": verdict_text().replace('"', "'"),
    "no comma": verdict_text().replace('",', '"\n'),
    "bare keys": verdict_text().replace('"risk_score"', "risk_score"),
    "comment": verdict_text().replace("{", "{ // the verdict\n"),
    "fence and trailing comma": "```\n" + verdict_text().replace("}", ",\n}") + "\n```\nDone.",
}


@pytest.mark.parametrize("text", REPAIRED.values(), ids=REPAIRED)
def test_what_stands_around_or_is_broken_is_put_right(text: str) -> None:
    assert judged(text) == judged(verdict_text())


@pytest.mark.parametrize("score", ["7 5", "8O", "1,000", "7-8", "-5", "about 75", "7.5", "75/100", "+-1", "", "[75]"])
def test_a_repair_never_makes_a_score_of_what_is_not_plainly_one(score: str) -> None:
    broken = verdict_text().replace("42", score).replace("}", ",}")
    assert "risk_score" in refused(broken).detail


def test_a_score_cut_in_half_is_never_completed() -> None:
    whole = verdict_text(risk_score=75)
    for length in range(len(whole)):
        refused(whole[:length])


WORDS = st.text(st.characters(codec="utf-8"), max_size=30)
VERDICTS = st.fixed_dictionaries(
    {"risk_score": st.integers(0, 100), "summary": WORDS, "reasoning": WORDS, "more": st.lists(WORDS, max_size=3)}
)
AROUND = st.text(st.characters(codec="utf-8", exclude_characters="{}<>`"), max_size=30)
WRAPS = [
    "{json}",
    "```json\n{json}\n```",
    "{before}\n```\n{json}\n```{after}",
    "<think>{before}</think>{json}",
    "<think>{before} {{draft}} </think>{after}\n{json}\n",
    "{before}</think>\n```json\n{json}```",
    "{before}{json}{after}",
]


@tries(max_examples=60, deadline=None)
@given(VERDICTS, st.sampled_from(WRAPS), AROUND, AROUND, st.booleans(), st.sampled_from([None, 2]))
@example(
    {"risk_score": 1, "summary": "<think>{</think>", "reasoning": "```}", "more": []}, WRAPS[2], "", "", False, None
)
def test_any_verdict_is_found_unchanged_in_whatever_is_wrapped_around_it(
    fields: dict[str, Any], wrap: str, before: str, after: str, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(fields, ensure_ascii=ascii_only, indent=indent)
    assert verdict_object(wrap.format(json=text, before=before, after=after)) == fields


JSONISH = st.text(st.sampled_from('{}[]",:\\ \n0123456789truefalsn"risk_score"<think></think>```json'), max_size=300)


@tries(max_examples=200, deadline=None)
@given(st.text(max_size=300) | JSONISH | JSONISH.map(lambda text: '{"risk_score": 5, ' + text + "}"))
def test_random_text_ends_in_a_verdict_or_an_answer_error_and_nothing_else(text: str) -> None:
    with contextlib.suppress(AIServiceAnswerError):
        verdict = judged(text)
        assert verdict.summary
        assert 0 <= verdict.risk_score <= 100


@tries(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_in_place_of_a_score_or_a_text_is_refused_or_true_to_its_number(value: Any) -> None:
    for name in ("risk_score", "summary", "reasoning"):
        text = json.dumps({**json.loads(verdict_text()), name: value})
        try:
            verdict = verdict_from(Answer(text), context(seen("person"), seen("car")), RULES, service="s")
        except AIServiceAnswerError:
            continue
        if name == "risk_score":
            assert verdict.model_score == float(value)


def test_an_answer_is_kept_as_it_came_as_far_as_a_database_takes_it() -> None:
    text = f"\0\ud800\n{verdict_text()}" + " " * 10_000
    kept = judged(text).answer
    assert kept.startswith(f"?\n{verdict_text()}")
    assert len(kept) == KEPT_ANSWER_CHARACTERS - 1  # without the NUL


def test_a_person_on_private_ground_at_night_is_never_below_medium() -> None:
    rules = Verdict(34, "medium", "A person", "Score by rules", "rules", rule_score=34)
    text = Answer(verdict_text(risk_score=10, risk_level="low"))
    private = context(place="private", light=Light.NIGHT)
    verdict = verdict_from(text, private, rules, service="s")
    assert (verdict.risk_score, verdict.risk_level, verdict.model_score) == (30, "medium", 10)
    assert verdict.corrections == ("score 10 raised to 30: a person on private ground at night",)
    for harmless in (
        context(place="street", light=Light.NIGHT),
        context(place="private", light=Light.DAY),
        context(seen("cat"), place="private", light=Light.NIGHT),
    ):
        text = Answer(
            verdict_text(
                risk_score=10, risk_level="low", summary=f"A {harmless.labels[0]} is here.", reasoning="It is ordinary."
            )
        )
        assert verdict_from(text, harmless, rules, service="s").risk_score == 10
