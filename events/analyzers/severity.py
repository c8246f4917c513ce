"""The level of a risk score. The score is the judgement; the level is only its name."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

LEVELS = ("low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True)
class Band:
    """The scores of one level, both ends included."""

    level: str
    lowest: int
    highest: int


def bands() -> tuple[Band, ...]:
    """The four levels as `SEVERITY_LOW_MAX`, `SEVERITY_MEDIUM_MAX` and `SEVERITY_HIGH_MAX` divide 0..100."""
    tops = (settings.SEVERITY_LOW_MAX, settings.SEVERITY_MEDIUM_MAX, settings.SEVERITY_HIGH_MAX, 100)
    bottoms = (0, *(top + 1 for top in tops[:3]))
    return tuple(Band(*band) for band in zip(LEVELS, bottoms, tops, strict=True))


def level_of(score: int) -> str:
    """The level of a score of 0..100. Raises ValueError for any other number."""
    if not 0 <= score <= 100:
        raise ValueError(f"a risk score is 0 to 100, not {score}")
    return next(band.level for band in bands() if score <= band.highest)
