"""How the page says where a score came from. The browser gets the same tables, so each wording exists once."""

from __future__ import annotations

from events.analyzers import ANALYZERS
from events.models import Event
from events.severity import LABELS

# Where there is no score, by `analysis`. "done" cannot be without a score: a constraint keeps it so.
NO_LEVEL = {"pending": "Not judged yet", "failed": "Not judged"}
VERDICTS = {
    "llm-done": "Judged by the language model.",
    "llm-pending": "Judged by the language model, and being judged again.",
    "llm-failed": "Judged by the language model. Judging it again failed.",
    "rules-done": "Judged by rules.",
    "rules-pending": "Judged by rules so far. More may follow until the scene is over.",
    "rules-failed": "Judged by rules. The language model could not judge it.",
    "none-pending": "Being judged.",
    "none-failed": "It could not be judged. Please look for yourself.",
}
RULES_UNTIL_MODEL = "Judged by rules. The language model's verdict is to come."


def words() -> dict[str, dict[str, str]]:
    """`levels`, `no_level` and `verdicts` for this installation's analyser."""
    verdicts = dict(VERDICTS)
    if ANALYZERS.chosen() != "rules":
        verdicts["rules-pending"] = RULES_UNTIL_MODEL
    return {"levels": LABELS, "no_level": NO_LEVEL, "verdicts": verdicts}


def verdict_key(event: Event) -> str:
    return f"{event.risk_source or 'none'}-{event.analysis}"


def seen(labels: list[str]) -> str:
    """The sentence for an event that has none: what was seen, and nothing made up."""
    if not labels:
        return "Something was seen."
    text = " and ".join(filter(None, [", ".join(labels[:-1]), labels[-1]]))
    return f"{text[0].upper()}{text[1:]} seen."


def sightings(count: int) -> str:
    return f"{count} sighting{'' if count == 1 else 's'}"
