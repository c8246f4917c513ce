"""The texts of pages about scores and their sources.

The browser gets the same tables, so that each text exists once.
"""

from __future__ import annotations

from events.analyzers import ANALYZERS
from events.models import Event
from events.severity import LABELS

# Events without a score, by `analysis`. A constraint ensures that "done" has a score.
NO_LEVEL = {"pending": "Not analysed yet", "failed": "Not analysed"}
VERDICTS = {
    "llm-done": "Analysed by the language model.",
    "llm-pending": "Analysed by the language model, and being analysed again.",
    "llm-failed": "Analysed by the language model. Another analysis failed.",
    "rules-done": "Scored by rules.",
    "rules-pending": "Scored by rules so far. More may follow until the scene ends.",
    "rules-failed": "Scored by rules. The language model could not analyse it.",
    "none-pending": "Being analysed.",
    "none-failed": "The analysis failed. Please look at the pictures.",
}
RULES_UNTIL_MODEL = "Scored by rules. The language model has not answered yet."


def words() -> dict[str, dict[str, str]]:
    """Return `levels`, `no_level` and `verdicts` for the configured analyser."""
    verdicts = dict(VERDICTS)
    if ANALYZERS.chosen() != "rules":
        verdicts["rules-pending"] = RULES_UNTIL_MODEL
    return {"levels": LABELS, "no_level": NO_LEVEL, "verdicts": verdicts}


def verdict_key(event: Event) -> str:
    return f"{event.risk_source or 'none'}-{event.analysis}"


def detected(labels: list[str]) -> str:
    """Return the sentence for an event without a summary: the detected labels only."""
    if not labels:
        return "Something was detected."
    text = " and ".join(filter(None, [", ".join(labels[:-1]), labels[-1]]))
    return f"{text[0].upper()}{text[1:]} detected."


def detections(count: int) -> str:
    return f"{count} detection{'' if count == 1 else 's'}"
