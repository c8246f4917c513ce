"""Turns the text of a language model into a verdict or an error, never into a score that the model did not give."""

from __future__ import annotations

import math
import re
from dataclasses import replace

from django.conf import settings

from events.analyzers import Context, Verdict
from events.analyzers.apis import Answer
from events.analyzers.bounds import bounded_score
from events.analyzers.extract import verdict_object
from events.analyzers.rejections import AnswerCutOffError, AnswerRejectedError, Kind
from events.analyzers.sanity import check
from events.analyzers.texts import one_line, storable
from events.analyzers.wording import read
from events.severity import LEVELS, level_of, rank

MAX_SUMMARY_CHARACTERS = 300
MAX_REASONING_CHARACTERS = 2000
MAX_ACTION_CHARACTERS = 300
MAX_MODEL_CHARACTERS = 100
# Stored length of an unusable answer (in the dead letter), and of a usable one (with its judgement).
KEPT_BODY_CHARACTERS = 2000
KEPT_ANSWER_CHARACTERS = 8000
WHOLE_NUMBER = re.compile(r"\s*\+?[0-9]{1,3}(?:\.0+)?\s*", re.ASCII)


def verdict_from(answer: Answer, context: Context, rules: Verdict, *, service: str) -> Verdict:
    """Return the verdict in an answer. Raises `AnswerRejectedError` with the (bounded) text as its body.

    Rejected are an incomplete answer, an answer without a JSON object, a score that is not a whole number of 0..100
    (digits in a string are accepted), a level two bands from the score, a missing summary or reasoning, and texts that
    fail a check of `events.analyzers.sanity`. Corrected, with an entry in `corrections`, are a level one band from the
    score, a text that is too long, and a score outside the bounds (`events.analyzers.bounds`) around the one of
    `rules`. The recommended action is not checked, because it does not describe the scene.
    """
    try:
        verdict = _checked(_fields(answer), context, rules, answer)
    except AnswerRejectedError as error:
        body = answer.text if isinstance(answer.text, str) else ""
        kept = storable(body, KEPT_BODY_CHARACTERS)
        raise type(error)(error.kind, error.detail, service=service, body=kept) from error
    return replace(verdict, answer=storable(str(answer.text), KEPT_ANSWER_CHARACTERS))


def _checked(fields: dict[str, object], context: Context, rules: Verdict, answer: Answer) -> Verdict:
    score = _score(fields.get("risk_score"))
    corrections: list[str] = []
    _check_level(fields.get("risk_level"), score, corrections)
    summary = _sentence(fields, "summary", MAX_SUMMARY_CHARACTERS, corrections)
    reasoning = _sentence(fields, "reasoning", MAX_REASONING_CHARACTERS, corrections)
    check(summary, reasoning, context, has_pictures=answer.picture_count > 0)
    _note_language(summary, corrections)
    action = _bounded(fields, "recommended_action", MAX_ACTION_CHARACTERS, corrections)
    final = bounded_score(score, rules.risk_score, context, corrections, has_pictures=answer.picture_count > 0)
    return Verdict(
        risk_score=final,
        risk_level=level_of(final),
        summary=summary,
        reasoning=reasoning,
        source="llm",
        recommended_action=action,
        model=one_line(answer.model, MAX_MODEL_CHARACTERS),
        corrections=tuple(corrections),
        rule_score=rules.risk_score,
        model_score=score,
        picture_count=answer.picture_count,
        prompt_tokens=answer.prompt_tokens,
        answer_tokens=answer.answer_tokens,
    )


def _note_language(summary: str, corrections: list[str]) -> None:
    """Note a summary in another language than the configured one. The checks read it in its own language."""
    language = read(summary).language.name
    if language != settings.TEXT_LANGUAGE:
        corrections.append(f"written in {language}, not in {settings.TEXT_LANGUAGE}")


def _fields(answer: Answer) -> dict[str, object]:
    """Return the object of the verdict. An answer that reached the token limit may be complete, but is not repaired."""
    if answer.is_prompt_cut_off:
        raise AnswerCutOffError(detail="the prompt did not fit into the context of the model")
    if not isinstance(answer.text, str):
        raise AnswerRejectedError(Kind.NO_TEXT, "the answer has no text")
    if not answer.cut_off:
        return verdict_object(answer.text)
    try:
        return verdict_object(answer.text, may_repair=False)
    except AnswerRejectedError as error:
        raise AnswerCutOffError from error


def _score(value: object) -> int:
    number = _number(value)
    if number is None:
        raise AnswerRejectedError(Kind.SCORE, f"risk_score is not a whole number: {_shown(value)}")
    if not 0 <= number <= 100:
        raise AnswerRejectedError(Kind.SCORE, f"risk_score is not within 0 to 100: {_shown(value)}")
    return number


def _number(value: object) -> int | None:
    """Return `value` as a whole number, or None. A fraction is rejected: 0.8 may be on another scale."""
    if isinstance(value, str) and WHOLE_NUMBER.fullmatch(value):
        return int(float(value))
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _check_level(claimed: object, score: int, corrections: list[str]) -> None:
    """Reject a level two bands from the score. Note a level that is missing or one band from it."""
    level = level_of(score)
    if not isinstance(claimed, str):
        corrections.append(f"risk_level was missing: {level} by the score of {score}")
        return
    name = claimed.strip().lower()
    if name in LEVELS and abs(rank(name) - rank(level)) > 1:
        raise AnswerRejectedError(Kind.LEVEL, f"risk_level {name} contradicts the score of {score}")
    if name != level:
        corrections.append(f"risk_level {_shown(claimed)} does not fit the score of {score}: {level}")


def _sentence(fields: dict[str, object], name: str, limit: int, corrections: list[str]) -> str:
    text = _bounded(fields, name, limit, corrections)
    if not any(character.isalnum() for character in text):
        raise AnswerRejectedError(Kind.MISSING_TEXT, f"{name} is missing or empty")
    return text


def _bounded(fields: dict[str, object], name: str, limit: int, corrections: list[str]) -> str:
    """Return the text of a field on one line, or "" if it is missing or not a text."""
    value = fields.get(name)
    if not isinstance(value, str):
        return ""
    if len(value.strip()) > limit:
        corrections.append(f"{name} was cut to {limit} characters")
    return one_line(value, limit)


def _shown(value: object) -> str:
    """Return a short form of an invalid value for a message. A huge number is not written out."""
    if isinstance(value, int) and abs(value) > 10**12:
        return "a huge number"
    return one_line(repr(value)[:200], 40)
