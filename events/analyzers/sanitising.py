"""Text that others wrote (names, labels, summaries, a model's answer), made safe to store and to quote in a prompt."""

from __future__ import annotations

import unicodedata

ELLIPSIS = "…"
# Control, format (direction marks, zero width), surrogate and private characters. PostgreSQL refuses
# NUL and lone surrogates; direction marks can make a line read as another.
DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# Language model servers read control tokens such as <|im_end|>, <think> or [INST] also in text they are
# handed, and the fence of the prompt is made of angle brackets: none of them can be written without these.
FENCE_CHARACTERS = str.maketrans("<>[]", "()()")


def one_line(text: str, limit: int) -> str:
    """`text` on one line, without control characters, in at most `limit` characters."""
    kept = "".join(_printable(character) for character in text[: limit * 4])
    line = " ".join(kept.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + ELLIPSIS


def storable(text: str, limit: int) -> str:
    """The first `limit` characters of `text`, lines and all, without what a database refuses."""
    return text[:limit].encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def quotable(text: str, limit: int) -> str:
    """`one_line` that can neither close the prompt's fence nor hold a control token of a model."""
    return one_line(text, limit).translate(FENCE_CHARACTERS)


def _printable(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in DROPPED else character
