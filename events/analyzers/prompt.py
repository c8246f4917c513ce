"""The prompt for a batch: the detections as a short table over time, fenced, and the schema of the answer.

The text is in `events/templates/events/prompt*.txt`, or in files of the same names in `PROMPT_DIR`. The prompt is short
for any number of detections: they are counted by label in a bounded number of time slots.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template import Context as TemplateContext
from django.template import Engine, Template, TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import render_to_string

from events.analyzers import Context, Earlier, Identity, Seen
from events.analyzers.light import Light
from events.analyzers.pictures import Picture
from events.analyzers.situation import HABIT_DAYS, Subject, situation_of
from events.analyzers.texts import quotable
from events.severity import LEVELS, bands

logger = logging.getLogger(__name__)

INSTRUCTIONS, QUESTION = "prompt_instructions.txt", "prompt.txt"
# What reading and rendering a template of the installation can raise.
UNUSABLE = (OSError, UnicodeDecodeError, TemplateSyntaxError, TemplateDoesNotExist, ValueError)
FENCE_START, FENCE_END = "<<<DATA", "DATA>>>"
PLACES = {
    "": "place not set", "street": "in the street", "entrance": "at the entrance", "driveway": "in the driveway",
    "private": "on private ground", "indoor": "indoors",
}  # fmt: skip
LIGHTS = {Light.DAY: "day", Light.DARK: "dark, at an hour at which people are about", Light.NIGHT: "night"}
IDENTITIES = {
    Identity.NOT_CHECKED: "", Identity.KNOWN: "known to the household", Identity.UNKNOWN: "not known to the household",
}  # fmt: skip
MAX_SUBJECTS, MAX_PATHS, MAX_BOXES = 8, 6, 8
MAX_SLOTS = 8
MAX_LABELS_PER_SLOT = 8
MAX_EARLIER = 5
CAMERA_NAME_CHARACTERS = 60
LABEL_CHARACTERS = 40
SUMMARY_CHARACTERS = 160
PATH_CHARACTERS = 200
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
    pictures: tuple[Picture, ...] = ()


def prompt_for(context: Context, max_tokens: int, pictures: tuple[Picture, ...] = ()) -> Prompt:
    """Return the prompt for `context`. The strings of the schema are short enough to be complete in `max_tokens`."""
    limits = limits_for(max_tokens)
    about = {"bands": bands(), "limits": limits, "language": settings.TEXT_LANGUAGE, "has_pictures": bool(pictures)}
    return Prompt(
        instructions=_render(INSTRUCTIONS, about),
        question=_render(QUESTION, _facts(context, pictures)),
        schema=schema_for(limits),
        pictures=pictures,
    )


def problems() -> list[str]:
    """Return a line for each reason why the files of `PROMPT_DIR` cannot be used. The built-in text replaces them."""
    if not settings.PROMPT_DIR:
        return []
    folder = Path(settings.PROMPT_DIR)
    if not folder.is_dir():
        return [f"PROMPT_DIR={settings.PROMPT_DIR!r} is not a folder"]
    found = []
    for name in (INSTRUCTIONS, QUESTION):
        try:
            _own_template(name)
        except UNUSABLE as error:
            found.append(f"PROMPT_DIR: {name} cannot be used: {error}")
    return found


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


def _render(name: str, facts: dict[str, Any]) -> str:
    try:
        own = _own_template(name)
        text = own.render(TemplateContext(facts)) if own else render_to_string(f"events/{name}", facts)
    except UNUSABLE as error:
        logger.warning("PROMPT_DIR: %s cannot be used, the built-in text replaces it: %s", name, error)
        text = render_to_string(f"events/{name}", facts)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _own_template(name: str) -> Template | None:
    """Return the template in `PROMPT_DIR`, or None. It may use the tags and filters of Django, and include nothing."""
    path = Path(settings.PROMPT_DIR) / name
    if not settings.PROMPT_DIR or not path.is_file():
        return None
    source = path.read_text()
    if name == QUESTION and not (source.count(FENCE_START) == source.count(FENCE_END) == 1):
        raise ValueError(f"the data must stand between one {FENCE_START} and one {FENCE_END}")
    return Engine(autoescape=False).from_string(source)


def _facts(context: Context, pictures: tuple[Picture, ...]) -> dict[str, Any]:
    situation = situation_of(context)
    return {
        "camera": quotable(context.camera_name, CAMERA_NAME_CHARACTERS),
        "place": PLACES[context.place],
        "light": LIGHTS[context.light],
        "subjects": [_subject_line(subject) for subject in situation.subjects[:MAX_SUBJECTS]],
        "identity": IDENTITIES[context.identity],
        "paths": [quotable(path, PATH_CHARACTERS) for path in context.paths[:MAX_PATHS]],
        "pictures": [_picture_line(number, one) for number, one in enumerate(pictures, start=1)],
        "weekday": context.started_at.strftime("%A"),
        "started": context.started_at.strftime("%Y-%m-%d %H:%M:%S"),
        "duration_seconds": round((context.ended_at - context.started_at).total_seconds()),
        "image_count": context.image_count,
        "detection_count": len(context.seen),
        "seen": _seen_lines(context),
        "earlier": [_earlier_line(event) for event in _newest(context.earlier)],
    }


def _subject_line(subject: Subject) -> str:
    """Return a line such as `person: at most 2 at once, on private ground, for 40 s; at this hour on 9 of 10 days`."""
    label = quotable(subject.label, LABEL_CHARACTERS)
    place = f", {PLACES[subject.place]}" if subject.place else ""
    stay = f", for {round(subject.seconds)} s" if round(subject.seconds) else ""
    habit = f"at this hour on {subject.habit_days} of the last {HABIT_DAYS} days"
    return f"{label}: at most {subject.count} at once{place}{stay}; {habit}"


def _picture_line(number: int, picture: Picture) -> str:
    """Return a line such as `picture 1, +3 s: person 93 % at left 10 %, top 20 %, 15 % wide, 40 % high`."""
    boxes = [_box(one) for one in sorted(picture.seen, key=lambda one: -one.confidence)[:MAX_BOXES]]
    return f"picture {number}, {picture.second:+d} s: {'; '.join(boxes)}"


def _box(one: Seen) -> str:
    left, top, width, height = one.box
    label = quotable(one.label, LABEL_CHARACTERS)
    return f"{label} {one.confidence:.0%} at left {left:.0%}, top {top:.0%}, {width:.0%} wide, {height:.0%} high"


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
    """Return time and summary. The score is left out, because a model tends to repeat it."""
    return f"{event.started_at:%Y-%m-%d %H:%M}: {quotable(event.summary, SUMMARY_CHARACTERS)}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
