"""The name of the time zone of this machine: from `TZ`, else from the target of `/etc/localtime`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib import resources
from pathlib import Path
from zoneinfo import TZPATH, available_timezones

LOCALTIME, DEBIAN = Path("/etc/localtime"), Path("/etc/timezone")
FOLDER = "zoneinfo/"
PACKAGED = Path(str(resources.files("tzdata"))) / "zoneinfo"  # if the system has no files
UTC = "UTC"
NAMES_OF_UTC = {"Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu"}


def machine_zone(tz: str, localtime: Path = LOCALTIME, debian: Path = DEBIAN) -> str:
    """Return a name that `zoneinfo` knows, or UTC if the zone is unknown. `tz` is the variable `TZ`."""
    # `TZ` overrides the file, as in every program. It may contain a rule (CET-1CEST) instead of a name.
    candidates = [tz.removeprefix(":").strip()] if tz.strip() else _of_files(localtime, debian)
    return next((name for text in candidates if (name := _known(text))), UTC)


def _of_files(localtime: Path, debian: Path) -> Iterator[str]:
    """Return candidates for the name, the most reliable first."""
    yield str(localtime.resolve())
    said = _text(debian)
    with suppress(OSError):
        # A container often gets a copy of the file of its machine. Then only its content identifies the zone.
        yield _with_content(localtime.read_bytes(), said)
    yield said


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _known(text: str) -> str:
    """Return the zone name in `text`, which may be a path below a folder of zones, or an empty string."""
    name = text.rpartition(FOLDER)[2].removeprefix("posix/").removeprefix("right/")
    if name not in _names():
        return ""
    return UTC if name in NAMES_OF_UTC else name


def _with_content(content: bytes, preferred: str) -> str:
    """Return a zone whose file has this content, `preferred` first, or an empty string."""
    # Prefer continents over other names of the same zone (Europe/Oslo over Arctic/Longyearbyen).
    names = sorted(_names(), key=lambda name: (name != preferred, not name.startswith(CONTINENTS), name))
    for folder in (*map(Path, TZPATH), PACKAGED):
        for name in names:
            path = folder / name
            if path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content:
                return name
    return ""


CONTINENTS = ("Africa/", "America/", "Asia/", "Australia/", "Europe/")


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime", "posixrules", "Factory"})
