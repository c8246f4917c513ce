"""Parse an env file of `NAME=value` lines as editors, shells and `docker compose` write it.

Quotes around a value are removed, and a quoted value may span lines. `export`, spaces around the equals sign, Windows
line ends and a byte order mark are allowed. Text after ` #` is a comment.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from pathlib import Path

ENTRY = re.compile(
    r"""[ \t]*(?:export[ \t]+)?(?P<name>[^\s=\#'":]+)[ \t]*=[ \t]*
    (?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)'|(?P<bare>[^\n]*?))
    [ \t]*(?:(?<=\s)\#[^\n]*)?(?:\n|\Z)""",
    re.VERBOSE | re.DOTALL,
)
IGNORED = re.compile(r"[ \t]*(?:\#[^\n]*)?(?:\n|\Z)")
LINE = re.compile(r"[^\n]*(?:\n|\Z)")
KEPT_ESCAPES = "rnt"


@dataclass(slots=True)
class EnvFile:
    """The variables of a file, and its malformed lines. `wrong` contains no values, because they may be secrets."""

    values: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def read_env_file(path: Path) -> EnvFile:
    """Read `path` without changing `os.environ`. Raise OSError, or UnicodeDecodeError for a file that is not text."""
    return parse_env_text(decoded(path.read_bytes()))


def decoded(content: bytes) -> str:
    """Decode UTF-8 with or without a mark, or UTF-16 with a mark (Windows tools). Normalise line ends."""
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = content.decode("utf-16" if is_utf16 else "utf-8")
    # Two joined files have a mark in the middle.
    return re.sub(r"^\ufeff", "", text.replace("\r\n", "\n").replace("\r", "\n"), flags=re.MULTILINE)


def parse_env_text(text: str) -> EnvFile:
    found, place = EnvFile(), 0
    while place < len(text):
        if ignored := IGNORED.match(text, place):
            place = ignored.end()
            continue
        line = text.count("\n", 0, place) + 1
        entry = ENTRY.match(text, place)
        if entry is None:
            found.wrong.append(f"line {line} is not NAME=value")
            rest = LINE.match(text, place)
            place = rest.end() if rest else len(text)
            continue
        _take(entry, line, found)
        place = entry.end()
    return found


def _take(entry: re.Match[str], line: int, found: EnvFile) -> None:
    name, bare = entry["name"], entry["bare"]
    if bare is not None and bare[:1] in ("'", '"'):
        found.wrong.append(f"line {line}: the value of {ascii(name)[1:-1]} has a quote that does not end")
        return
    if found.values.get(name, value_of(entry)) != value_of(entry):
        found.wrong.append(f"line {line} sets {ascii(name)[1:-1]} again; the last value counts")
    found.values[name] = value_of(entry)


def value_of(entry: re.Match[str]) -> str:
    if entry["double"] is not None:
        return re.sub(r"\\(.)", _unescaped, entry["double"], flags=re.DOTALL)
    return entry["single"] if entry["single"] is not None else entry["bare"].strip()


def _unescaped(escape: re.Match[str]) -> str:
    return escape[0] if escape[1] in KEPT_ESCAPES else escape[1]
