"""What is no file of a camera by its name alone: one rule for notifications, scans and every other way in.

NAS systems and desktops keep thumbnails, recycle bins and snapshots of their own beside the pictures; writers
keep files that are not complete. None of these is taken in, moved or counted.
"""

from __future__ import annotations

import re

MAX_DEPTH = 12
_TEMPORARY = (".tmp", ".part", ".filepart", ".dav_", ".mp4_", ".idx")
# Synology, QNAP and others begin their own names with "@"; what begins with a dot is hidden everywhere.
_SYSTEM = re.compile(
    r"[.@]|~\$|#(recycle|snapshot)\Z|(lost\+found|\$recycle\.bin|recycle[rd]|system volume information|found\.\d{3}"
    r"|network trash folder|temporary items|thevolumesettingsfolder|__macosx|_gsdata_|dumpstor\.fs"
    r"|(eh)?thumbs(_\w+)?\.db|desktop\.ini|autorun\.inf|icon\r|aquota\.\w+)\Z|synophoto_|synoindex_",
    re.IGNORECASE,
)


def is_temporary(path: str) -> bool:
    """Whether a file of this name (or path) is still being written, or never a picture at all."""
    last = path.rpartition("/")[2]
    return last.startswith(".") or last.lower().endswith(_TEMPORARY)


def is_system(name: str) -> bool:
    """Whether a file or folder of this name belongs to a NAS, a desktop or a file system, and not to a camera."""
    return _SYSTEM.match(name) is not None


def is_passed_over(path: str) -> bool:
    """Whether no camera's file has this path (below the camera root)."""
    return is_temporary(path) or any(map(is_system, path.split("/")))


def is_too_deep(path: str) -> bool:
    """Whether a file lies in more than `MAX_DEPTH` folders. Scans do not look there, so nobody does."""
    return path.count("/") > MAX_DEPTH
