"""Paths as text that a database and a page can hold, and back."""

from __future__ import annotations

import re

from hsi.errors import HSIError

_ESCAPE = re.compile(rb"\\(\\|x([0-9a-f]{2}))")
_UNDECODABLE = re.compile("[\\\\\x00\udc80-\udcff]")


class OutsideTreeError(HSIError):
    """A path leads out of the camera folder, or through a link."""

    code = "OUTSIDE_TREE"
    status = 404
    retryable = False


def encode(raw: bytes) -> str:
    r"""A path as text that a database and a page can hold: a byte that is no UTF-8 is `\xNN`, a backslash `\\`."""
    return _UNDECODABLE.sub(_escaped, raw.decode("utf-8", "surrogateescape"))


def _escaped(found: re.Match[str]) -> str:
    character = found.group()
    return "\\\\" if character == "\\" else f"\\x{ord(character) & 0xFF:02x}"


def decode(text: str) -> bytes:
    """The path that `encode` made this text of. Raises `OutsideTreeError` for any other text."""
    try:
        raw = _ESCAPE.sub(lambda found: bytes.fromhex(found[2].decode()) if found[2] else b"\\", text.encode())
    except UnicodeEncodeError as error:
        raise OutsideTreeError("not the text of a path") from error
    if encode(raw) != text:  # a second text for the same file could slip past a check of the first
        raise OutsideTreeError("not the text of a path")
    return raw
