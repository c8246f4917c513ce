"""The prompt for a batch: the detections as a short table over time, fenced, and the schema of the answer.

The text is in `events/templates/events/prompt*.txt`. The prompt is short for any number of detections: they are counted
by label in a bounded number of time slots.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string

from events.analyzers import Context, Earlier, Seen
from events.analyzers.texts import quotable
from events.severity import LEVELS, bands

MAX_SLOTS = 8
MAX_LABELS_PER_SLOT = 8
MAX_EARLIER = 5
CAMERA_NAME_CHARACTERS = 60
LABEL_CHARACTERS = 40
SUMMARY_CHARACTERS = 160
# Shorter text is not a sentence: small models tend to answer "why" with "why".
MIN_TEXT_CHARACTERS = 12
# Characters that one token certainly covers. English has about four, tables of unusual names fewer.
CHARACTERS_PER_TOKEN = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """Maximum length of each text of the answer, in characters."""

    summary: int
    reasoning: int
    action: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """The text for a model, and the JSON schema of its answer."""

    instructions: str
    question: str
    schema: dict[str, Any]


def prompt_for(context: Context, max_tokens: int) -> Prompt:
    """Return the prompt for `context`. The strings of the schema are short enough to be complete in `max_tokens`."""
    limits = limits_for(max_tokens)
    return Prompt(
        instructions=_render("events/prompt_instructions.txt", {"bands": bands(), "limits": limits}),
        question=_render("events/prompt.txt", _facts(context)),
        schema=schema_for(limits),
    )


def harmless(max_tokens: int) -> Prompt:
    """Return a prompt without content and the same schema. A server that rejects it rejects every prompt."""
    return Prompt(
        instructions="You answer with one JSON object and nothing else.",
        question="Nothing was seen. Answer with risk_score 0, risk_level low and the shortest texts.",
        schema=schema_for(limits_for(max_tokens)),
    )


def limits_for(max_tokens: int) -> Limits:
    """Return lengths whose sum, with the frame of the JSON, fits into `max_tokens`."""
    room = max_tokens * CHARACTERS_PER_TOKEN
    return Limits(summary=min(240, room // 5), reasoning=min(1500, room * 5 // 8), action=min(200, room // 10))


def schema_for(limits: Limits) -> dict[str, Any]:
    """Return the JSON schema of an answer.

    The reasoning comes first, because a model that has reasoned scores better.
    """
    properties = {
        "reasoning": {"type": "string", "minLength": MIN_TEXT_CHARACTERS, "maxLength": limits.reasoning},
        "summary": {"type": "string", "minLength": MIN_TEXT_CHARACTERS, "maxLength": limits.summary},
        "risk_score": {"type": "integer", "minimum": 0, "maximum": 100},
        "risk_level": {"type": "string", "enum": list(LEVELS), "maxLength": max(map(len, LEVELS))},
        "recommended_action": {"type": "string", "maxLength": limits.action},
    }
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _render(template: str, facts: dict[str, Any]) -> str:
    return re.sub(r"\n{3,}", "\n\n", render_to_string(template, facts)).strip()


def _facts(context: Context) -> dict[str, Any]:
    return {
        "camera": quotable(context.camera_name, CAMERA_NAME_CHARACTERS),
        "weekday": context.started_at.strftime("%A"),
        "started": context.started_at.strftime("%Y-%m-%d %H:%M:%S"),
        "duration_seconds": round((context.ended_at - context.started_at).total_seconds()),
        "image_count": context.image_count,
        "detection_count": len(context.seen),
        "seen": _seen_lines(context),
        "earlier": [_earlier_line(event) for event in _newest(context.earlier)],
    }


def _seen_lines(context: Context) -> list[str]:
    """Return at most `MAX_SLOTS` lines such as `+0 s to +12 s: person 3 times, best 93 %`."""
    timed = [
        (round((detection.captured_at - context.started_at).total_seconds()), detection) for detection in context.seen
    ]
    if not timed:
        return []
    first = min(second for second, _ in timed)
    width = (max(second for second, _ in timed) - first) // MAX_SLOTS + 1
    slots: dict[int, list[tuple[int, Seen]]] = {}
    for second, one in timed:
        slots.setdefault((second - first) // width, []).append((second, one))
    return [_slot_line(slots[number]) for number in sorted(slots)]


def _slot_line(slot: list[tuple[int, Seen]]) -> str:
    start, end = min(second for second, _ in slot), max(second for second, _ in slot)
    when = f"{start:+d} s" if start == end else f"{start:+d} s to {end:+d} s"
    return f"{when}: {_counted(detection for _, detection in slot)}"


def _counted(seen: Iterable[Seen]) -> str:
    counts: Counter[str] = Counter()
    best: dict[str, float] = {}
    for detection in seen:
        label = quotable(detection.label, LABEL_CHARACTERS)
        counts[label] += 1
        best[label] = max(best.get(label, 0.0), detection.confidence)
    frequent = counts.most_common(MAX_LABELS_PER_SLOT)
    parts = [f"{label} {_times(count)}, best {best[label]:.0%}" for label, count in frequent]
    if len(counts) > len(frequent):
        parts.append(f"{len(counts) - len(frequent)} more kinds")
    return "; ".join(parts)


def _newest(earlier: tuple[Earlier, ...]) -> list[Earlier]:
    return sorted(earlier, key=lambda event: event.started_at, reverse=True)[:MAX_EARLIER]


def _earlier_line(event: Earlier) -> str:
    score = "not scored" if event.risk_score is None else f"score {event.risk_score}"
    return f"{event.started_at:%Y-%m-%d %H:%M}, {score}: {quotable(event.summary, SUMMARY_CHARACTERS)}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
