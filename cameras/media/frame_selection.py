"""Choose which frames of a long clip are analysed: more where much changes, and some everywhere."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate, pairwise
from statistics import fmean, median

Activity = Iterable[tuple[float, float]]  # (seconds from the start, any measure of how much changes)

# This share of the frames goes where most changes. The others are spread evenly.
_SHARE_OF_CHANGE = 0.5
# An amount stands out if it exceeds the median by this many deviations, and is this many times the median.
_DEVIATIONS, _TIMES = 3.0, 1.5
_MAX_BINS = 100_000


def evenly_spaced(span_seconds: float, count: int) -> list[float]:
    """Return `count` offsets from the start to the end."""
    return [span_seconds * number / (count - 1) for number in range(count)] if count > 1 else [0.0]


def choose_offsets(activity: Activity, *, span_seconds: float, count: int, spacing_seconds: float) -> list[float]:
    """Return at most `count` offsets in seconds, sorted, at least `spacing_seconds` apart, the first at the start.

    About half of them are spread evenly, so that the largest gap is about twice the mean. The others gather where more
    changes than usual for this clip, in proportion to the square root of the excess.
    """
    if count < 2 or span_seconds <= 0:
        return [0.0]
    bins = min(_MAX_BINS, max(1, math.ceil(span_seconds / spacing_seconds)))
    excess = _excess(_bin_activity(activity, span_seconds, bins))
    if not any(excess):
        return _keep_spacing(evenly_spaced(span_seconds, count), spacing_seconds)
    total = sum(excess)
    share = [(1 - _SHARE_OF_CHANGE) / bins + _SHARE_OF_CHANGE * amount / total for amount in excess]
    ends = list(accumulate(share))
    offsets = [_position_of(ends, share, number / (count - 1)) * span_seconds / bins for number in range(count)]
    return _fill_gaps(_keep_spacing(offsets, spacing_seconds), span_seconds, count, spacing_seconds)


def _bin_activity(activity: Activity, span_seconds: float, bins: int) -> list[float]:
    """Return the mean activity of each of `bins` equal parts."""
    amounts: list[list[float]] = [[] for _ in range(bins)]
    for offset, amount in activity:
        amounts[min(bins - 1, max(0, int(offset / span_seconds * bins)))].append(amount)
    return [fmean(values) if values else 0.0 for values in amounts]


def _excess(amounts: list[float]) -> list[float]:
    """Return how far each amount exceeds the usual, or 0."""
    usual = median(amounts)
    deviation = median(abs(amount - usual) for amount in amounts)
    least = max(usual + _DEVIATIONS * deviation, _TIMES * usual)
    return [math.sqrt(max(0.0, amount - least)) for amount in amounts]


def _position_of(ends: list[float], share: list[float], wanted: float) -> float:
    """Return where the sum of the shares reaches `wanted`, in bins from the start."""
    place = min(bisect_left(ends, wanted), len(ends) - 1)
    within = (wanted - (ends[place] - share[place])) / share[place]
    return place + min(1.0, max(0.0, within))


def _keep_spacing(offsets: list[float], spacing_seconds: float) -> list[float]:
    kept = offsets[:1]
    for offset in offsets[1:]:
        if offset - kept[-1] >= spacing_seconds:
            kept.append(offset)
    return kept


def _fill_gaps(offsets: list[float], span_seconds: float, count: int, spacing_seconds: float) -> list[float]:
    """Use the offsets that were too close together to halve the largest gaps."""
    while len(offsets) < count:
        gap, start = max(
            ((end - start, start) for start, end in pairwise([*offsets, span_seconds])), default=(0.0, 0.0)
        )
        if gap / 2 < spacing_seconds:
            break
        offsets = sorted([*offsets, start + gap / 2])
    return offsets


def sparse_sampling_note(frame_count: int, interval_seconds: float) -> str:
    """Describe a clip of which only a few frames were analysed."""
    if frame_count == 1:
        return "only 1 frame of a long clip was analysed"
    return f"only {frame_count} frames were analysed, on average one every {interval_seconds:.3g} s"
