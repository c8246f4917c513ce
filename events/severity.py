"""Severity levels: their order, their score bands, and how pages name and colour them."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from events.models.event import Event

LEVELS: tuple[str, ...] = tuple(Event.Level.values)  # from the least to the most severe
LABELS = {"low": "Low risk", "medium": "Medium risk", "high": "High risk", "critical": "Critical risk"}
AT_LEAST_LABELS = {"medium": "Medium and above", "high": "High and above", "critical": "Critical only"}
TONES = {"low": "good", "medium": "warn", "high": "bad", "critical": "bad", None: "calm"}


@dataclass(frozen=True, slots=True)
class Band:
    """The scores of one level, both ends included."""

    level: str
    lowest: int
    highest: int


def bands() -> tuple[Band, ...]:
    """Return the four levels as `SEVERITY_LOW_MAX`, `SEVERITY_MEDIUM_MAX` and `SEVERITY_HIGH_MAX` divide 0..100."""
    tops = (settings.SEVERITY_LOW_MAX, settings.SEVERITY_MEDIUM_MAX, settings.SEVERITY_HIGH_MAX, 100)
    bottoms = (0, *(top + 1 for top in tops[:3]))
    return tuple(Band(*band) for band in zip(LEVELS, bottoms, tops, strict=True))


def level_of(score: int) -> str:
    """Return the level of a score of 0..100. Raises ValueError for any other number."""
    if not 0 <= score <= 100:
        raise ValueError(f"a risk score is 0 to 100, not {score}")
    return next(band.level for band in bands() if score <= band.highest)


def disagree(first: int | None, second: int | None) -> bool:
    """Whether two scores are two levels apart, so that a person should look."""
    return first is not None and second is not None and abs(rank(level_of(first)) - rank(level_of(second))) > 1


def rank(level: str) -> int:
    """Return the position of a level. 0 is the least severe."""
    return LEVELS.index(level)


def is_at_least(level: str | None, minimum: str) -> bool:
    """Whether `level` is `minimum` or more severe. A missing level is not."""
    return level is not None and rank(level) >= rank(minimum)
