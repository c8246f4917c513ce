"""A recorder that uploads all of its channels into one folder: a pattern says where its names tell the channel.

The pattern is a person's, the names are not: they are untrusted text. What a pattern finds in one is short and plain.
"""

from __future__ import annotations

import logging
import re
from functools import lru_cache

from django.core.exceptions import ValidationError

from cameras.intake import file_names

logger = logging.getLogger(__name__)

PLACEHOLDER = "{channel}"
CHANNEL = r"[A-Za-z0-9]{1,16}"
MOST_CHANNELS = 64
# How names say a channel that follow no layout of `cameras.intake.file_names`.
COMMON = re.compile(r"(?<![A-Za-z])(?:ch|chan|channel|cam|camera)[ _-]?(\d{1,2})(?!\d)", re.IGNORECASE | re.ASCII)
MOST_NOTICED = 1000  # cameras of which a process remembers the channels


def validate_pattern(value: str) -> None:
    """Raises ValidationError."""
    if value and (value.count(PLACEHOLDER) != 1 or value == PLACEHOLDER or not value.isprintable()):
        raise ValidationError(f"Must hold {PLACEHOLDER} once, and what stands before or behind it in the names.")


def channel_in(pattern: str, below: str) -> str:
    """The channel that `below`, a path below the recorder's folder, tells, in lower case; empty where it tells none."""
    found = _compiled(pattern).search(below)
    return found[1].lower() if found else ""


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    before, _, after = pattern.partition(PLACEHOLDER)
    return re.compile(f"{re.escape(before)}({CHANNEL}){re.escape(after)}", re.IGNORECASE | re.ASCII)


def suggested(below: str, channel: str) -> str:
    """A pattern that finds `channel` in names like this one; empty where none can be told."""
    folder, slash, name = below.rpartition("/")
    text = name if channel in name else f"/{folder}{slash}"
    if not slash or text is name:
        # The time that follows holds the same digits again, so the first place counts that stands between marks.
        found = re.search(rf"(?<![0-9]){re.escape(channel)}(?![0-9])", name)
        return f"{name[: found.start()]}{PLACEHOLDER}{name[found.end() :][:1]}" if found and found.start() else ""
    return f"/{PLACEHOLDER}/"


def told_in(below: str) -> str:
    """The channel that this name seems to tell; empty where it tells none. It makes no camera: see `channel_in`."""
    named = file_names.parse(below)
    if named is not None and named.channel:
        return named.channel
    found = COMMON.search(below.rpartition("/")[2])
    return found[1] if found else ""


_noticed: dict[str, set[str]] = {}


def notice(camera: str, below: str) -> None:
    """Tell, once a process, that the files of one camera name several channels. `below` is one of them."""
    channel = told_in(below)
    if not channel:
        return
    known = _noticed.setdefault(camera, set()) if len(_noticed) < MOST_NOTICED else _noticed.get(camera, set())
    if channel not in known and len(known) == 1:
        words = "The files of camera %s name several channels of a recorder (%s): one camera cannot be all of them. %s"
        known.add(channel)
        logger.warning(words, camera, ", ".join(sorted(known)), advice(below, channel))
    elif len(known) < MOST_CHANNELS:
        known.add(channel)


def advice(below: str, channel: str) -> str:
    pattern = suggested(below, channel)
    example = f", such as {pattern}" if pattern else ""
    return f"Set its channel pattern{example}: then each channel is a camera of its own."


def forget() -> None:
    _noticed.clear()
