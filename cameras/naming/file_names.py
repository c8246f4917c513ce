"""The file names that cameras use: when a picture was taken, and what triggered it.

The patterns come from public parsers and from galleries of these vendors. A name is untrusted text. Every pattern has
bounded repeats only, so that matching time grows with the length of the name and no faster.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

TIMER = "schedule"  # the trigger of a picture that is taken at fixed times


@dataclass(frozen=True, slots=True)
class ParsedName:
    """What a name says. `local` is naive, on the camera's clock. `channel` is that of a recorder, or "".

    `pattern` is the key of the matching pattern. `trigger` is motion, person, sound, alarm (an input of the camera),
    schedule, smart, line, intrusion, face, plate, event (unspecified), or "" if the name does not say it.
    """

    local: datetime
    pattern: str
    trigger: str
    channel: str = ""


def _by_word(words: dict[str, str], otherwise: str) -> Callable[[str], str]:
    """Return a function that finds the trigger of the first of `words` (upper case) in a text."""

    def find(text: str) -> str:
        upper = text.upper()
        return next((trigger for word, trigger in words.items() if word in upper), otherwise)

    return find


_FOSCAM = _by_word(
    {"SCHEDULE": "schedule", "HMD": "person", "MD": "motion", "SD": "sound", "IO": "alarm"}, otherwise="alarm"
)
_DAHUA = _by_word({"M": "motion", "R": "schedule", "A": "alarm", "I": "smart"}, otherwise="")
_HIKVISION = _by_word(
    {
        "PLATE": "plate",
        "MOTION": "motion",
        "TIMING": "schedule",
        "LINE_CROSSING": "line",
        "FIELD": "intrusion",
        "FACE": "face",
    },
    otherwise="event",
)


def _always(trigger: str) -> Callable[[str], str]:
    return lambda _: trigger


_DATE = r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
_CLOCK = r"(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)"
_CHANNEL = r"(?P<channel>\d\d)"
_END = r"\.[a-z0-9]{2,4}\Z"

# (key, pattern, trigger for the text in the group `kind`). The first one that matches and is a date wins.
_PATTERNS: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    ("foscam", rf"(?:^|/)(?P<kind>[a-z]{{0,16}}alarm|schedule)_{_DATE}[-_]{_CLOCK}{_END}", _FOSCAM),
    (
        # <day>/<channel>/jpg/14/30/52[M]..., jpg/14/30.52[M]..., pic_001/14.30.52[M]..., dav/14/14.30.52-14.31.12[M]...
        "dahua",
        r"(?:^|/)(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)/"
        r"(?:(?P<channel>\d{1,3})/(?=jpg/|dav/))?(?:[^/]{1,64}/){0,3}"
        r"(?P<hour>\d\d)[/.](?P<minute>\d\d)[/.](?P<second>\d\d)(?:-(?:\d\d\.\d\d\.\d\d)?)?"
        rf"\[(?P<kind>[a-z])\][^/]{{0,200}}{_END}",
        _DAHUA,
    ),
    (
        "hikvision",
        rf"_{_CHANNEL}_{_DATE}{_CLOCK}(?P<millisecond>\d{{3}})_(?P<kind>[^/]{{1,120}}){_END}",
        _HIKVISION,
    ),
    ("vivotek", rf"_{_DATE}{_CLOCK}_\d{{1,6}}_(?P<kind>pre|trg|pos){_END}", _always("event")),
    (
        "annke",
        r"(?:^|/)SNAP_CH(?P<channel>\d{1,3})_(?P<year>\d{4})_(?P<month>\d\d)_(?P<day>\d\d)"
        rf"_(?P<hour>\d\d)_(?P<minute>\d\d)_(?P<second>\d\d)_\d{{1,10}}{_END}",
        _always(""),
    ),
    (
        # The last number of the file's name is the length of the clip in seconds.
        "yi",
        r"(?:^|/)(?P<year>\d{4})Y(?P<month>\d\d)M(?P<day>\d\d)D(?P<hour>\d\d)H"
        rf"/(?P<minute>\d\d)M(?P<second>\d\d)S(?:\d\d)?{_END}",
        _always("motion"),
    ),
    ("reolink", rf"_{_CHANNEL}_{_DATE}{_CLOCK}{_END}", _always("")),
)
_COMPILED = tuple((key, re.compile(pattern, re.IGNORECASE | re.ASCII), trigger) for key, pattern, trigger in _PATTERNS)


def parse(path: str) -> ParsedName | None:
    """Read `path` (below the camera's folder). Return None if no pattern matches, or the date is impossible."""
    for key, pattern, find_trigger in _COMPILED:
        match = pattern.search(path)
        if match is None:
            continue
        parts = match.groupdict()
        local = _local_time(parts)
        if local is not None:
            return ParsedName(local, key, find_trigger(parts.get("kind") or ""), parts.get("channel") or "")
    return None


def _local_time(parts: dict[str, str]) -> datetime | None:
    numbers = [int(parts[name]) for name in ("year", "month", "day", "hour", "minute", "second")]
    year, month, day, hour, minute, second = numbers
    microsecond = int(parts.get("millisecond") or 0) * 1000
    try:
        return datetime(year, month, day, hour, minute, second, microsecond)  # noqa: DTZ001 - naive: the camera's clock
    except ValueError:
        return None
