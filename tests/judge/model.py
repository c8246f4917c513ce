"""What the checks say about invented and sound sentences, and about the answers of a configured language model."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

from django.conf import settings

from events.analyzers import get_analyzer
from events.analyzers.rejections import AnswerRejectedError
from events.analyzers.rules import RulesAnalyzer
from events.analyzers.sanity import check
from events.severity import rank
from hsi.errors import AIServiceError
from tests.judge.situations import Row

ANSWERS = Path(__file__).parent / "answers.csv"
MOST_EVENTS = 20
REASONING = "The facts were weighed: it is an ordinary hour."

Report = dict[str, Any]


def measure_checks(rows: list[Row]) -> Report:
    """Check each invented or sound sentence against a situation with one person."""
    context = next(row.context for row in rows if row.context.labels == ("person",))
    with ANSWERS.open(newline="") as lines:
        answers = [(line["kind"], line["summary"]) for line in csv.DictReader(lines)]
    found = []
    for kind, summary in answers:
        try:
            check(summary, REASONING, context)
            rejected = ""
        except AnswerRejectedError as error:
            rejected = error.kind.value
        found.append({"kind": kind, "summary": summary, "rejected": rejected})
    return {
        "invented": sum(one["kind"] == "invented" for one in found),
        "invented_passed": sum(one["kind"] == "invented" and not one["rejected"] for one in found),
        "sound": sum(one["kind"] == "sound" for one in found),
        "sound_rejected": sum(one["kind"] == "sound" and bool(one["rejected"]) for one in found),
        "answers": found,
    }


def measure_model(rows: list[Row], most: int = MOST_EVENTS) -> Report | None:
    """Ask the configured model about situations, evenly spread. Return None without a model."""
    if not settings.NEMOTRON_URL:
        return None
    step = max(len(rows) // most, 1)
    events = [_judged(row) for row in rows[::step][:most]]
    accepted = [one for one in events if not one["rejected"]]
    return {
        "events": len(events),
        "accepted": len(accepted),
        "rejected": dict(Counter(one["rejected"] for one in events if one["rejected"])),
        "same_level_as_rules": sum(one["levels_apart"] == 0 for one in accepted),
        "two_levels_apart": sum(one["levels_apart"] > 1 for one in accepted),
        "answers": events,
    }


def _judged(row: Row) -> Report:
    rules = RulesAnalyzer().judge(row.context)
    one: Report = {"situation": row.name, "rule_score": rules.risk_score, "rejected": ""}
    try:
        verdict = get_analyzer().judge(row.context)
    except AnswerRejectedError as error:
        return {**one, "rejected": error.kind.value, "reason": error.detail, "answer": error.body}
    except AIServiceError as error:
        return {**one, "rejected": error.code, "reason": error.detail, "answer": ""}
    apart = abs(rank(verdict.risk_level) - rank(rules.risk_level))
    return {
        **one,
        "model_score": verdict.model_score,
        "risk_score": verdict.risk_score,
        "levels_apart": apart,
        "summary": verdict.summary,
        "reasoning": verdict.reasoning,
    }


def table(checks: Report, model: Report | None) -> list[str]:
    """The report in lines for a person."""
    lines = [
        f"checks: {checks['invented_passed']} of {checks['invented']} inventions pass,"
        f" {checks['sound_rejected']} of {checks['sound']} sound sentences are rejected"
    ]
    if model is None:
        return [*lines, "language model: not configured (NEMOTRON_URL)"]
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(model["rejected"].items()))
    return [
        *lines,
        f"language model: {model['accepted']} of {model['events']} answers accepted; rejected: {kinds or 'none'};"
        f" at the level of the rules: {model['same_level_as_rules']}, two levels apart: {model['two_levels_apart']}",
    ]
