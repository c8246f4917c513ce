"""Recorders that upload all their channels into one folder: a pattern says where file names hold the channel.

A user sets the pattern. File names are untrusted text, so a channel is always a short plain word.
"""

from __future__ import annotations

import logging
import re
from functools import lru_cache

from django.core.exceptions import ValidationError

from cameras.naming import file_names
from hsi import process_state

logger = logging.getLogger(__name__)

PLACEHOLDER = "{channel}"
CHANNEL = r"[A-Za-z0-9]{1,16}"
MAX_CHANNELS = 64
# How file names without a known pattern (`naming.file_names`) mark a channel.
CHANNEL_WORD = re.compile(r"(?<![A-Za-z])(?:ch|chan|channel|cam|camera)[ _-]?(\d{1,2})(?!\d)", re.IGNORECASE | re.ASCII)
MAX_CAMERAS = 1000  # cameras whose channels a process remembers


def validate_pattern(value: str) -> None:
    """Raise `ValidationError` unless `value` is empty or a usable pattern."""
    if value and (value.count(PLACEHOLDER) != 1 or value == PLACEHOLDER or not value.isprintable()):
        raise ValidationError(f"Must contain {PLACEHOLDER} once, and the text before or after it in the file names.")


def match_channel(pattern: str, path: str) -> str:
    """Return the channel in `path` (below the recorder's folder) in lower case, or an empty string."""
    match = _compile(pattern).search(path)
    return match[1].lower() if match else ""


@lru_cache(maxsize=256)
def _compile(pattern: str) -> re.Pattern[str]:
    before, _, after = pattern.partition(PLACEHOLDER)
    return re.compile(f"{re.escape(before)}({CHANNEL}){re.escape(after)}", re.IGNORECASE | re.ASCII)


def suggest_pattern(path: str, channel: str) -> str:
    """Return a pattern that finds `channel` in names like this one, or an empty string."""
    folder, slash, name = path.rpartition("/")
    text = name if channel in name else f"/{folder}{slash}"
    if not slash or text is name:
        # The time that follows may contain the same digits, so the match must not be part of a longer number.
        match = re.search(rf"(?<![0-9]){re.escape(channel)}(?![0-9])", name)
        return f"{name[: match.start()]}{PLACEHOLDER}{name[match.end() :][:1]}" if match and match.start() else ""
    return f"/{PLACEHOLDER}/"


def guess_channel(path: str) -> str:
    """Return the channel that a name seems to hold, or an empty string. A guess does not create a camera."""
    parsed_name = file_names.parse(path)
    if parsed_name is not None and parsed_name.channel:
        return parsed_name.channel
    match = CHANNEL_WORD.search(path.rpartition("/")[2])
    return match[1] if match else ""


_channels_by_camera: dict[str, set[str]] = {}


def warn_if_several_channels(camera_id: str, path: str) -> None:
    """Log once per process that the files of one camera name several channels. `path` is one of these files."""
    channel = guess_channel(path)
    if not channel:
        return
    if len(_channels_by_camera) < MAX_CAMERAS:
        channels = _channels_by_camera.setdefault(camera_id, set())
    else:
        channels = _channels_by_camera.get(camera_id, set())
    if channel not in channels and len(channels) == 1:
        channels.add(channel)
        names = ", ".join(sorted(channels))
        logger.warning(
            "The files of camera %s name several channels of a recorder (%s), but one camera has only one channel. %s",
            camera_id, names, pattern_advice(path, channel),
        )  # fmt: skip
    elif len(channels) < MAX_CHANNELS:
        channels.add(channel)


def pattern_advice(path: str, channel: str) -> str:
    """Advise the user to set a channel pattern."""
    pattern = suggest_pattern(path, channel)
    example = f", such as {pattern}" if pattern else ""
    return f"Set the camera's channel pattern{example}. Then each channel becomes a camera of its own."


def forget() -> None:
    """Discard the remembered channels."""
    _channels_by_camera.clear()


process_state.register(forget)
