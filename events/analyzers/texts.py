"""Foreign text made safe to store and to quote in a prompt."""

from __future__ import annotations

import unicodedata

ELLIPSIS = "…"
# Control, format (direction marks, zero width), surrogate and private characters. PostgreSQL refuses NUL and lone
# surrogates, and direction marks can change how a line reads.
DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# Language model servers also read control tokens such as <|im_end|>, <think> or [INST] in quoted text, and the fence of
# the prompt consists of angle brackets. None of them can be written without these characters.
FENCE_CHARACTERS = str.maketrans("<>[]", "()()")


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
