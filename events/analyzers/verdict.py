"""Turns the text of a language model into a verdict or an error, never into a score that the model did not give."""

from __future__ import annotations

import math
import re
from dataclasses import replace

from events.analyzers import Context, Verdict
from events.analyzers.apis import Answer
from events.analyzers.extract import verdict_object
from events.analyzers.grounding import unchecked, ungrounded
from events.analyzers.texts import one_line, storable
from events.severity import level_of
from hsi.errors import AIServiceAnswerError

MAX_SUMMARY_CHARACTERS = 300
MAX_REASONING_CHARACTERS = 2000
MAX_ACTION_CHARACTERS = 300
MAX_MODEL_CHARACTERS = 100
# Stored length of an unusable answer (in the dead letter), and of a usable one (with its judgement).
KEPT_BODY_CHARACTERS = 2000
KEPT_ANSWER_CHARACTERS = 8000
WHOLE_NUMBER = re.compile(r"\s*\+?[0-9]{1,3}(?:\.0+)?\s*", re.ASCII)


class AnswerCutOffError(AIServiceAnswerError):
    """The language model reached its token limit before its answer was complete."""

    code = "AI_SERVICE_ANSWER_CUT_OFF"


def verdict_from(answer: Answer, context: Context, *, service: str) -> Verdict:
    """Return the verdict in an answer. Raises `AIServiceAnswerError` with the (bounded) text as its body.

    Rejected are an answer that was cut off (`AnswerCutOffError`), an answer without a JSON object, a score that is not
    a whole number of 0..100 (digits in a string are accepted), a missing summary or reasoning, and a summary or
    reasoning that names something that was not detected. Corrected, with an entry in `corrections`, are a level that
    does not fit the score, and a text that is too long. The recommended action is not checked, because it does not
    describe the scene.
    """
    try:
        text = _text(answer)
        return replace(_checked(text, context, answer.model), answer=storable(text, KEPT_ANSWER_CHARACTERS))
    except AIServiceAnswerError as error:
        body = answer.text if isinstance(answer.text, str) else ""
        raise type(error)(error.detail, service=service, body=storable(body, KEPT_BODY_CHARACTERS)) from error


def _checked(text: str, context: Context, model: str) -> Verdict:
    fields = verdict_object(text)
    score = _score(fields.get("risk_score"))
    corrections: list[str] = []
    level = _level(fields.get("risk_level"), score, corrections)
    summary = _sentence(fields, "summary", MAX_SUMMARY_CHARACTERS, corrections)
    reasoning = _sentence(fields, "reasoning", MAX_REASONING_CHARACTERS, corrections)
    _refuse_inventions(f"{summary}\n{reasoning}", context)
    corrections += [
        f"not checked for things that were not detected: written in {language}"
        for language in unchecked(f"{summary}\n{reasoning}")
    ]
    return Verdict(
        risk_score=score,
        risk_level=level,
        summary=summary,
        reasoning=reasoning,
        source="llm",
        recommended_action=_bounded(fields, "recommended_action", MAX_ACTION_CHARACTERS, corrections),
        model=one_line(model, MAX_MODEL_CHARACTERS),
        corrections=tuple(corrections),
    )


def _text(answer: Answer) -> str:
    if answer.cut_off:
        raise AnswerCutOffError
    if not isinstance(answer.text, str):
        raise AIServiceAnswerError("the answer has no text")
    return answer.text


def _score(value: object) -> int:
    number = _number(value)
    if number is None:
        raise AIServiceAnswerError(f"risk_score is not a whole number: {_shown(value)}")
    if not 0 <= number <= 100:
        raise AIServiceAnswerError(f"risk_score is not within 0 to 100: {_shown(value)}")
    return number


def _number(value: object) -> int | None:
    """Return `value` as a whole number, or None. A fraction is rejected: 0.8 may be on another scale."""
    if isinstance(value, str) and WHOLE_NUMBER.fullmatch(value):
        return int(float(value))
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _level(claimed: object, score: int, corrections: list[str]) -> str:
    level = level_of(score)
    if not isinstance(claimed, str):
        corrections.append(f"risk_level was missing: {level} by the score of {score}")
    elif claimed.strip().lower() != level:
        corrections.append(f"risk_level {_shown(claimed)} does not fit the score of {score}: {level}")
    return level


def _sentence(fields: dict[str, object], name: str, limit: int, corrections: list[str]) -> str:
    text = _bounded(fields, name, limit, corrections)
    if not any(character.isalnum() for character in text):
        raise AIServiceAnswerError(f"{name} is missing or empty")
    return text


def _bounded(fields: dict[str, object], name: str, limit: int, corrections: list[str]) -> str:
    """Return the text of a field on one line, or "" if it is missing or not a text."""
    value = fields.get(name)
    if not isinstance(value, str):
        return ""
    if len(value.strip()) > limit:
        corrections.append(f"{name} was cut to {limit} characters")
    return one_line(value, limit)


def _refuse_inventions(text: str, context: Context) -> None:
    named = ungrounded(text, context)
    if named:
        raise AIServiceAnswerError(f"the answer names what was not detected: {', '.join(named[:5])}")


def _shown(value: object) -> str:
    """Return a short form of an invalid value for a message. A huge number is not written out."""
    if isinstance(value, int) and abs(value) > 10**12:
        return "a huge number"
    return one_line(repr(value)[:200], 40)
