"""What the names that cameras give their files say: when a picture was taken, and what set it off.

Gathered from public parsers and galleries of these makes. A name is untrusted text: every pattern
has bounded repeats only, so that the time to match grows with the length of the name and no faster.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MAX_FUTURE = timedelta(minutes=5)
MAX_PAST = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Named:
    """What a name says. `local` is naive, on the camera's own clock. `channel`: which one of a recorder, or "".

    `trigger` is one of motion, person, sound, alarm (an input of the camera), schedule, smart, line,
    intrusion, face, plate, event (something, the camera does not say what), or "" where the name is silent.
    """

    local: datetime
    make: str
    trigger: str
    channel: str = ""


def _by_word(words: dict[str, str], otherwise: str) -> Callable[[str], str]:
    """The trigger of the first of `words` (upper case) that the text contains."""

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

# (make, pattern, trigger of the text in the group `kind`): the first that matches and is a date wins.
_LAYOUTS: tuple[tuple[str, str, Callable[[str], str]], ...] = (
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
_COMPILED = tuple((make, re.compile(pattern, re.IGNORECASE | re.ASCII), trigger) for make, pattern, trigger in _LAYOUTS)


def parse(relative: str) -> Named | None:
    """What `relative`, the path below the camera's folder, says. None: it fits no layout, or names no real date."""
    for make, pattern, trigger_of in _COMPILED:
        found = pattern.search(relative)
        if found is None:
            continue
        parts = found.groupdict()
        local = _moment(parts)
        if local is not None:
            return Named(local, make, trigger_of(parts.get("kind") or ""), parts.get("channel") or "")
    return None


def _moment(parts: dict[str, str]) -> datetime | None:
    numbers = [int(parts[name]) for name in ("year", "month", "day", "hour", "minute", "second")]
    year, month, day, hour, minute, second = numbers
    microsecond = int(parts.get("millisecond") or 0) * 1000
    try:
        return datetime(year, month, day, hour, minute, second, microsecond)  # noqa: DTZ001 - naive: the camera's clock
    except ValueError:
        return None


def capture_time(local: datetime, zone: ZoneInfo, arrival: datetime) -> tuple[datetime, bool]:
    """(when it was taken in UTC, whether the camera's clock is off).

    `local` is naive, `arrival` aware. In the hour that repeats in autumn the pass is meant that fits the arrival; a
    time in the hour that is left out in spring counts on from before it. A time that cannot be is replaced by
    `arrival`.
    """
    try:
        passes = [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    except OverflowError:  # the first or last day a datetime can hold
        return arrival.astimezone(UTC), True
    # `fold=1` in the hour that is left out counts back from after it: only in a repeated hour is it the later one.
    taken = passes[0]
    if passes[0] < passes[1] <= arrival + MAX_FUTURE:
        taken = min(passes, key=lambda one: abs(arrival - one))
    if not -MAX_PAST <= taken - arrival <= MAX_FUTURE:
        return arrival.astimezone(UTC), True
    return taken, False
