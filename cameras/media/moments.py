"""Which moments of a long clip are looked at: those where most changes, and the others often enough."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate, pairwise
from statistics import fmean, median

Activity = Iterable[tuple[float, float]]  # (seconds from the start, any measure of how much changes)

# So much of the frames goes where most changes; the others are spread evenly.
_SHARE_OF_CHANGE = 0.5
# What stands out: so many times the usual deviation above the usual, and so many times the usual.
_DEVIATIONS, _TIMES = 3.0, 1.5
_MOST_BINS = 100_000


def evenly(span_seconds: float, count: int) -> list[float]:
    """`count` offsets from the start to the end."""
    return [span_seconds * number / (count - 1) for number in range(count)] if count > 1 else [0.0]


def choose(activity: Activity, *, span_seconds: float, count: int, spacing_seconds: float) -> list[float]:
    """At most `count` offsets in seconds, in order, at least `spacing_seconds` apart, the first at the start.

    About half of them are spread evenly, so that the gap between two is at most about twice the mean. The others
    gather where more changes than is usual for this clip, in proportion to the square root of how much more.
    """
    if count < 2 or span_seconds <= 0:
        return [0.0]
    bins = min(_MOST_BINS, max(1, math.ceil(span_seconds / spacing_seconds)))
    excess = _excess(_binned(activity, span_seconds, bins))
    if not any(excess):
        return _spaced(evenly(span_seconds, count), spacing_seconds)
    whole = sum(excess)
    share = [(1 - _SHARE_OF_CHANGE) / bins + _SHARE_OF_CHANGE * one / whole for one in excess]
    ends = list(accumulate(share))
    offsets = [_inverse(ends, share, number / (count - 1)) * span_seconds / bins for number in range(count)]
    return _filled(_spaced(offsets, spacing_seconds), span_seconds, count, spacing_seconds)


def _binned(activity: Activity, span_seconds: float, bins: int) -> list[float]:
    """The mean activity of each of `bins` equal parts."""
    found: list[list[float]] = [[] for _ in range(bins)]
    for offset, amount in activity:
        found[min(bins - 1, max(0, int(offset / span_seconds * bins)))].append(amount)
    return [fmean(one) if one else 0.0 for one in found]


def _excess(amounts: list[float]) -> list[float]:
    """How far each stands out, 0 for what is usual."""
    usual = median(amounts)
    deviation = median(abs(one - usual) for one in amounts)
    least = max(usual + _DEVIATIONS * deviation, _TIMES * usual)
    return [math.sqrt(max(0.0, one - least)) for one in amounts]


def _inverse(ends: list[float], share: list[float], wanted: float) -> float:
    """Where the sum of the shares reaches `wanted`, in bins from the start."""
    place = min(bisect_left(ends, wanted), len(ends) - 1)
    within = (wanted - (ends[place] - share[place])) / share[place]
    return place + min(1.0, max(0.0, within))


def _spaced(offsets: list[float], spacing_seconds: float) -> list[float]:
    kept = offsets[:1]
    for offset in offsets[1:]:
        if offset - kept[-1] >= spacing_seconds:
            kept.append(offset)
    return kept


def _filled(offsets: list[float], span_seconds: float, count: int, spacing_seconds: float) -> list[float]:
    """What was too close together is spent on the largest gaps."""
    while len(offsets) < count:
        gap, start = max(
            ((end - start, start) for start, end in pairwise([*offsets, span_seconds])), default=(0.0, 0.0)
        )
        if gap / 2 < spacing_seconds:
            break
        offsets = sorted([*offsets, start + gap / 2])
    return offsets


def how_sparsely(looked_at: int, every_seconds: float) -> str:
    """What is said of a clip that was looked at in few places."""
    if looked_at == 1:
        return "looked at 1 frame of a long clip"
    return f"looked at {looked_at} frames, on average one every {every_seconds:.3g} s"
