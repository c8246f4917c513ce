"""Finds the JSON object of a verdict in the text of a language model.

The attempts, in order: the whole text, the text after a closed think block, objects in fences or prose, and finally a
repair of broken JSON (json-repair). An object that was never closed is not repaired, because its last value may be half
a number. A text with two different verdicts has no verdict.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import json_repair

from events.analyzers.rejections import AnswerRejectedError, Kind

# More than NEMOTRON_MAX_TOKENS allows, and short enough for a quick repair.
MAX_TEXT_CHARACTERS = 40_000
MAX_REPAIR_CHARACTERS = 10_000
MAX_REPAIR_DEPTH = 20
# Maximum number of braces that are tried in one text. A verdict has one.
MAX_TRIES = 200
KEY = "risk_score"
THOUGHT_ENDS = re.compile(r"</(?:think|thinking|thought|thoughts|reasoning|reflection)\s*>", re.IGNORECASE)
# The score in broken JSON, if it stands alone: not the 7 of `7 5`, `8O` or `1,000`.
WRITTEN_SCORE = re.compile(
    r"""\brisk_score['"]?\s*:\s*['"]?(?P<score>[0-9]{1,3}(?:\.0+)?)['"]?\s*?(?:,(?![0-9])|[}\n"']|//|/\*)""", re.ASCII
)
DECODER = json.JSONDecoder()


def verdict_object(text: str, *, may_repair: bool = True) -> dict[str, object]:
    """Return the JSON object with a `risk_score` in `text`. Raises `AnswerRejectedError`."""
    if len(text) > MAX_TEXT_CHARACTERS:
        raise AnswerRejectedError(Kind.NO_JSON, f"the answer has more than {MAX_TEXT_CHARACTERS} characters")
    if not text.strip():
        raise AnswerRejectedError(Kind.NO_TEXT, "the answer is empty")
    whole = _loaded(text)
    if whole is not None:
        return _with_key(whole)
    for part in (_after_thought(text), text):
        verdicts = [unwrapped for candidate in _objects(part) if KEY in (unwrapped := _unwrapped(candidate))]
        if verdicts:
            return _only(verdicts)
    if not may_repair:
        raise AnswerRejectedError(Kind.NO_JSON, "the answer holds no complete verdict")
    return _repaired(_after_thought(text))


def _loaded(text: str) -> object | None:
    """Return the value if all of `text` is JSON."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value


def _with_key(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise AnswerRejectedError(Kind.NO_JSON, "the answer is JSON, but not an object")
    verdict = _unwrapped(value)
    if KEY not in verdict:
        raise AnswerRejectedError(Kind.NO_JSON, "the answer has no risk_score")
    return verdict


def _unwrapped(value: dict[str, object]) -> dict[str, object]:
    """Return the verdict in `{"verdict": {...}}`, or `value` itself."""
    inside = [one for one in value.values() if isinstance(one, dict) and KEY in one]
    return inside[0] if KEY not in value and len(inside) == 1 else value


def _after_thought(text: str) -> str:
    """Return the text after the last closed think block. A server may have removed the opening tag."""
    return THOUGHT_ENDS.split(text)[-1]


def _objects(text: str) -> Iterator[dict[str, object]]:
    """Return every complete JSON object that is not inside another."""
    start = text.find("{")
    for _ in range(MAX_TRIES):
        if start < 0:
            return
        try:
            value, end = DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            yield value
        start = text.find("{", end)


def _only(verdicts: list[dict[str, object]]) -> dict[str, object]:
    if any(verdict[KEY] != verdicts[0][KEY] for verdict in verdicts[1:]):
        raise AnswerRejectedError(Kind.CONTRADICTORY, "the answer holds several verdicts that differ")
    return verdicts[-1]


def _repaired(text: str) -> dict[str, object]:
    """Return the repaired object from the first opening to the last closing brace. Its score is not repaired."""
    broken = _broken_object(text)
    written = {float(match["score"]) for match in WRITTEN_SCORE.finditer(broken)}
    if len(written) != 1:
        raise AnswerRejectedError(Kind.NO_JSON, "the answer is broken JSON without one plain risk_score")
    try:
        value = _with_key(json_repair.loads(broken, skip_json_loads=True))
    except (ValueError, RecursionError) as error:
        raise AnswerRejectedError(Kind.NO_JSON, "the answer is not JSON and cannot be repaired") from error
    return {**value, KEY: written.pop()}


def _broken_object(text: str) -> str:
    start, end = text.find("{"), text.rfind("}")
    if not 0 <= start < end:
        raise AnswerRejectedError(Kind.NO_JSON, "the answer holds no complete JSON object")
    broken = text[start : end + 1]
    if len(broken) > MAX_REPAIR_CHARACTERS or broken.count("{") + broken.count("[") > MAX_REPAIR_DEPTH:
        raise AnswerRejectedError(Kind.NO_JSON, "the answer is not JSON and is too tangled to repair")
    return broken
