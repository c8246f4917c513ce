"""Texts of verdicts: foreign text made safe to store and to quote in a prompt, and the sentence of the rules."""

from __future__ import annotations

import unicodedata
from collections import Counter

from events.analyzers import Context, Seen

ELLIPSIS = "…"
# Control, format (direction marks, zero width), surrogate and private characters. PostgreSQL refuses NUL and lone
# surrogates, and direction marks can change how a line reads.
DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# Language model servers also read control tokens such as <|im_end|>, <think> or [INST] in quoted text, and the fence of
# the prompt consists of angle brackets. None of them can be written without these characters.
FENCE_CHARACTERS = str.maketrans("<>[]", "()()")
MAX_KINDS = 3
MAX_NAME_CHARACTERS = 80
MAX_LABEL_CHARACTERS = 40
PLURALS = {
    "person": "people",
    "knife": "knives",
    "sheep": "sheep",
    "bus": "buses",
    "mouse": "mice",
    "skis": "skis",
    "scissors": "scissors",
    "sandwich": "sandwiches",
    "bench": "benches",
    "wine glass": "wine glasses",
    "toothbrush": "toothbrushes",
}


def one_line(text: str, limit: int) -> str:
    """Return `text` on one line, without control characters, in at most `limit` characters."""
    kept = "".join(_printable(character) for character in text[: limit * 4])
    line = " ".join(kept.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + ELLIPSIS


def storable(text: str, limit: int) -> str:
    """Return the first `limit` characters of `text`, with its lines, without characters that a database refuses."""
    return text[:limit].encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def quotable(text: str, limit: int) -> str:
    """Return `one_line` without the characters that could close the prompt's fence or form a control token."""
    return one_line(text, limit).translate(FENCE_CHARACTERS)


def _printable(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in DROPPED else character


def sentence(context: Context) -> str:
    """Return one line about what was detected, where and when, in the time zone of the camera."""
    where = one_line(context.camera_name, MAX_NAME_CHARACTERS) or "a camera"
    when = f"{context.started_at:%H:%M}"
    counts = together(context)
    if not counts:
        return f"Nothing was detected at {where} at {when}"
    what = _list([_quantity(label, counts[label]) for label in _by_weight(context)])
    return f"{what[0].upper()}{what[1:]} at {where} at {when}, {_pictures(context)}"


def together(context: Context) -> dict[str, int]:
    """Return for each label the highest number in one picture, which is a lower bound of how many there were."""
    pictures: dict[tuple[object, ...], Counter[str]] = {}
    for detection in context.seen:
        pictures.setdefault(picture(detection), Counter())[detection.label] += 1
    most: dict[str, int] = {}
    for counts in pictures.values():
        for label, count in counts.items():
            most[label] = max(most.get(label, 0), count)
    return most


def picture(detection: Seen) -> tuple[object, ...]:
    """Return what identifies a picture in its batch."""
    return (detection.upload_id, detection.captured_at, detection.frame_offset_seconds)


def _by_weight(context: Context) -> list[str]:
    """Return the labels: people first, then by frequency."""
    return sorted(context.labels, key=lambda label: label != "person")


def _quantity(label: str, count: int) -> str:
    name = one_line(label, MAX_LABEL_CHARACTERS) or "something"
    if count > 1:
        return f"{count} {PLURALS.get(name, f'{name}s')}"
    if name == PLURALS.get(name) or name == "something":
        return name
    return f"{'an' if name[0].lower() in 'aeio' else 'a'} {name}"


def _list(names: list[str]) -> str:
    first_names = names[:MAX_KINDS]
    if len(names) > MAX_KINDS:
        return f"{', '.join(first_names)} and more"
    return " and ".join(filter(None, [", ".join(first_names[:-1]), first_names[-1]]))


def _pictures(context: Context) -> str:
    count = len({picture(detection) for detection in context.seen})
    return "seen in 1 picture" if count == 1 else f"seen in {count} pictures"
