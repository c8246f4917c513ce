"""Paths below the camera root: as text for database and pages, and which of them are not a camera's files.

The rules by name are the same for events, scans and uploads. NAS systems and desktops keep thumbnails, recycle bins and
snapshots beside the pictures, and writers keep incomplete files there. None of these is accepted, moved or counted.
"""

from __future__ import annotations

import re

from hsi.errors import HSIError

MAX_DEPTH = 12
_TEMPORARY = (".tmp", ".part", ".filepart", ".dav_", ".mp4_", ".idx")
# Names of Synology, QNAP and others start with "@". Names with a leading dot are hidden everywhere.
_SYSTEM = re.compile(
    r"[.@]|~\$|#(recycle|snapshot)\Z|(lost\+found|\$recycle\.bin|recycle[rd]|system volume information|found\.\d{3}"
    r"|network trash folder|temporary items|thevolumesettingsfolder|__macosx|_gsdata_|dumpstor\.fs"
    r"|(eh)?thumbs(_\w+)?\.db|desktop\.ini|autorun\.inf|icon\r|aquota\.\w+)\Z|synophoto_|synoindex_",
    re.IGNORECASE,
)
_ESCAPE = re.compile(rb"\\(\\|x([0-9a-f]{2}))")
_UNDECODABLE = re.compile("[\\\\\x00\udc80-\udcff]")


class OutsideTreeError(HSIError):
    """A path leads out of the camera folder, or through a link."""

    code = "OUTSIDE_TREE"
    status = 404
    retryable = False


def encode_path(raw: bytes) -> str:
    r"""Return a path as text for database and pages. A byte that is not UTF-8 becomes `\xNN`, a backslash `\\`."""
    return _UNDECODABLE.sub(_escape, raw.decode("utf-8", "surrogateescape"))


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return "\\\\" if character == "\\" else f"\\x{ord(character) & 0xFF:02x}"


def decode_path(text: str) -> bytes:
    """Reverse `encode_path`. Raise `OutsideTreeError` for text that `encode_path` does not return."""
    try:
        raw = _ESCAPE.sub(lambda match: bytes.fromhex(match[2].decode()) if match[2] else b"\\", text.encode())
    except UnicodeEncodeError as error:
        raise OutsideTreeError("not the text of a path") from error
    if encode_path(raw) != text:  # a second text for the same file could evade a check of the first one
        raise OutsideTreeError("not the text of a path")
    return raw


def is_temporary(path: str) -> bool:
    """Return whether a file with this name (or path) is still being written, or is never a picture."""
    last = path.rpartition("/")[2]
    return last.startswith(".") or last.lower().endswith(_TEMPORARY)


def is_system(name: str) -> bool:
    """Return whether the file or folder belongs to a NAS, a desktop or a file system, and not to a camera."""
    return _SYSTEM.match(name) is not None


def is_ignored(path: str) -> bool:
    """Return whether this path (below the camera root) is not that of a camera's file."""
    return is_temporary(path) or any(map(is_system, path.split("/")))


def is_too_deep(path: str) -> bool:
    """Return whether a file lies in more than `MAX_DEPTH` folders. Neither scans nor events consider it then."""
    return path.count("/") > MAX_DEPTH
