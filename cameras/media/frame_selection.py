"""Choose which frames of a long clip are analysed: most where something moves, and some everywhere."""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

Amounts = Sequence[tuple[float, float]]  # (seconds from the start, any measure of how much moves)

# This share of the frames is spread evenly. The others go where something moves.
_SHARE_OF_EVEN = 0.25
# This share of the frames for motion goes to the strongest periods, one each. The others are shared in proportion.
_SHARE_OF_FIRST = 0.5
# An amount stands out if it exceeds the median by this many deviations, and is this many times the median.
_DEVIATIONS, _TIMES = 3.0, 1.5
_TOLERANCE_SECONDS = 1e-6  # of rounding


@dataclass(frozen=True, slots=True)
class Period:
    """A time in which something moves, from its start up to its end, in seconds from the start of the clip."""

    start: float
    end: float
    strength: float

    def contains(self, offset_seconds: float) -> bool:
        return self.start <= offset_seconds < self.end


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a clip was sampled whose frames are not all analysed at the wanted interval.

    `interval_seconds`: the mean time between the frames. `compared`: frames in which motion was looked for, 0 if it was
    not. `periods`: how many periods of motion they show. `missed`: how many of those have no frame that is analysed.
    """

    interval_seconds: float
    compared: int
    periods: int
    missed: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The frames of a long clip that are analysed: their `offsets` in seconds, sorted.

    `periods` has all periods of motion that `compared` frames show, whether they are analysed or not.
    """

    offsets: list[float]
    compared: int = 0
    periods: list[Period] = field(default_factory=list)

    @property
    def missed(self) -> int:
        """How many periods have no frame that is analysed."""
        return sum(not any(period.contains(offset) for offset in self.offsets) for period in self.periods)

    def in_motion(self, offset_seconds: float) -> bool:
        return any(period.contains(offset_seconds) for period in self.periods)


def evenly_spaced(span_seconds: float, count: int) -> list[float]:
    """Return `count` offsets from the start to the end."""
    return [span_seconds * number / max(1, count - 1) for number in range(count)]


def choose_frames(amounts: Amounts, *, span_seconds: float, count: int, spacing_seconds: float) -> Choice:
    """Return at most `count` offsets, at least `spacing_seconds` apart, the first at the start.

    A quarter of them is spread evenly. The others are shared out among the periods of motion, in proportion to how long
    and how much moves. What the periods cannot use fills the largest gaps. `amounts` is in order. The only offset of a
    clip with motion lies in the motion instead of at the start.
    """
    if span_seconds <= 0:
        return Choice([0.0], len(amounts))
    periods = periods_of_motion(amounts, span_seconds, spacing_seconds)
    even_count = max(min(1, count - 1), int(count * _SHARE_OF_EVEN)) if periods else count
    even = evenly_spaced(span_seconds, even_count)
    offsets = even[:1]
    for offset in (*_in_periods(periods, count - even_count, spacing_seconds), *even[1:]):
        if _is_apart(offset, offsets, spacing_seconds):
            insort(offsets, offset)
    return Choice(_fill_gaps(offsets, span_seconds, count, spacing_seconds), len(amounts), periods)


def periods_of_motion(amounts: Amounts, span_seconds: float, spacing_seconds: float) -> list[Period]:
    """Return the times with more motion than usual for this clip. Shorter pauses than `spacing_seconds` join them."""
    if not amounts:
        return []
    periods: list[Period] = []
    ends = [*(offset for offset, _ in amounts[1:]), span_seconds]
    for (start, _), end, excess in zip(amounts, ends, _excess([amount for _, amount in amounts]), strict=True):
        if excess <= 0 or end <= start:
            continue
        if periods and start - periods[-1].end <= spacing_seconds:
            last = periods.pop()
            periods.append(Period(last.start, end, last.strength + excess * (end - start)))
        else:
            periods.append(Period(start, end, excess * (end - start)))
    return periods


def _excess(amounts: list[float]) -> list[float]:
    """Return the square root of how far each amount exceeds the usual, or 0."""
    usual = median(amounts)
    deviation = median(abs(amount - usual) for amount in amounts)
    least = max(usual + _DEVIATIONS * deviation, _TIMES * usual)
    return [math.sqrt(max(0.0, amount - least)) for amount in amounts]


def _in_periods(periods: list[Period], count: int, spacing_seconds: float) -> list[float]:
    """Share out `count` offsets: the strongest periods get one each, and the rest is in proportion (D'Hondt)."""
    order = sorted(range(len(periods)), key=lambda number: (-periods[number].strength, number))
    room = [max(1, int((period.end - period.start) / spacing_seconds)) for period in periods]
    first = set(order[: math.ceil(count * _SHARE_OF_FIRST)])
    given = [int(number in first) for number in range(len(periods))]
    waiting = [
        (-period.strength / (given[number] + 1), number)
        for number, period in enumerate(periods)
        if given[number] < room[number]
    ]
    heapq.heapify(waiting)
    for _ in range(count - len(first)):
        if not waiting:
            break
        _, number = heapq.heappop(waiting)
        given[number] += 1
        if given[number] < room[number]:
            heapq.heappush(waiting, (-periods[number].strength / (given[number] + 1), number))
    return [
        period.start + (period.end - period.start) * (place + 0.5) / times
        for period, times in zip(periods, given, strict=True)
        for place in range(times)
    ]


def _is_apart(offset: float, offsets: list[float], spacing_seconds: float) -> bool:
    place = bisect_left(offsets, offset)
    least = spacing_seconds - _TOLERANCE_SECONDS
    return all(abs(offset - near) >= least for near in offsets[max(0, place - 1) : place + 1])


def _fill_gaps(offsets: list[float], span_seconds: float, count: int, spacing_seconds: float) -> list[float]:
    """Use the offsets that are left to halve the largest gaps."""
    while len(offsets) < count:
        gap, start = max(
            ((end - start, start) for start, end in pairwise([*offsets, span_seconds])), default=(0.0, 0.0)
        )
        if gap / 2 < spacing_seconds:
            break
        offsets = sorted([*offsets, start + gap / 2])
    return offsets


def sampling_note(analysed: int, in_motion: int, sampling: Sampling) -> str:
    """Describe a clip of which only a few frames were analysed."""
    frames = "frame was" if analysed == 1 else "frames were"
    said = f"only {analysed} {frames} analysed"
    if not sampling.compared:
        return f"{said}, on average one every {sampling.interval_seconds:.3g} s"
    if not sampling.periods:
        return (
            f"{said}, on average one every {sampling.interval_seconds:.3g} s; "
            f"{sampling.compared} frames were compared, no motion stands out"
        )
    where = f"{in_motion} of them in {_counted(sampling.periods - sampling.missed)} of motion"
    missed = f"; {_counted(sampling.missed)} of motion not analysed" if sampling.missed else ""
    return f"{said}, {where}{missed} ({sampling.compared} frames were compared)"


def _counted(periods: int) -> str:
    return "1 period" if periods == 1 else f"{periods} periods"
