"""Which frames of a long clip are analysed: most where something moves, and some everywhere."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cameras.media.frame_selection import Sampling, choose_frames, evenly_spaced, sampling_note

pytestmark = pytest.mark.one_engine

amount_lists = st.lists(st.tuples(st.floats(0, 4000), st.floats(0, 1e7)), max_size=200).map(sorted)


@settings(max_examples=150, deadline=None)
@given(amount_lists, st.floats(0.5, 4000), st.integers(2, 60), st.floats(0.5, 20))
def test_offsets_are_few_in_order_apart_and_everywhere(
    amounts: list[tuple[float, float]], span: float, count: int, spacing: float
) -> None:
    amounts = [(offset, amount) for offset, amount in amounts if offset <= span]
    choice = choose_frames(amounts, span_seconds=span, count=count, spacing_seconds=spacing)

    assert 1 <= len(choice.offsets) <= count
    assert choice.offsets[0] == 0
    assert choice.offsets[-1] <= span + 1e-6
    assert all(later - earlier >= spacing - 1e-5 for earlier, later in pairwise(choice.offsets))
    if count >= 8:
        widest = span / (count // 4 - 1) + 2 * spacing
        assert all(later - earlier <= widest + 1e-6 for earlier, later in pairwise([*choice.offsets, span]))
    assert choice == choose_frames(amounts, span_seconds=span, count=count, spacing_seconds=spacing)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(3, 40), st.integers(1, 15)), min_size=1, max_size=9), st.integers(30, 90))
def test_each_period_of_motion_has_a_frame(periods: list[tuple[int, int]], count: int) -> None:
    amounts, now = [], 0
    for pause, length in periods:
        amounts += [(float(now + n), 0.0) for n in range(pause)]
        amounts += [(float(now + pause + n), 10.0) for n in range(length)]
        now += pause + length
    amounts += [(float(now + n), 0.0) for n in range(now + 100)]
    span = amounts[-1][0]

    choice = choose_frames(amounts, span_seconds=span, count=count, spacing_seconds=2.0)

    assert len(choice.periods) == len(periods)
    assert choice.missed == 0
    for period, (_, length) in zip(choice.periods, periods, strict=True):
        assert (period.end - period.start) == length
        if len(periods) == 1:
            frames = sum(choice.in_motion(offset) for offset in choice.offsets)
            assert frames >= max(1, length // 2)


@settings(max_examples=100, deadline=None)
@given(st.integers(60, 3600), st.data(), st.floats(1, 50), st.integers(5, 60))
def test_a_visit_that_exceeds_the_noise_is_sampled(span: int, data: st.DataObject, usual: float, count: int) -> None:
    length = data.draw(st.integers(6, 20))
    start = data.draw(st.integers(3, span - length))
    noise = [usual * (1 + 0.1 * ((second * 7919) % 11 - 5) / 5) for second in range(span)]
    amounts = [(float(n), one * (6 if start <= n < start + length else 1)) for n, one in enumerate(noise)]

    choice = choose_frames(amounts, span_seconds=float(span), count=count, spacing_seconds=2.0)

    assert [(period.start, period.end) for period in choice.periods] == [(start, start + length)]
    assert sum(start <= offset < start + length for offset in choice.offsets) >= min(3, count - max(1, count // 4))


def test_strong_motion_among_many_small_ones_gets_the_most_frames() -> None:
    amounts = [(float(n), 2.0 if n % 20 == 7 else 0.0) for n in range(600)]
    amounts[411:429] = [(float(n), 40.0) for n in range(411, 429)]

    choice = choose_frames(amounts, span_seconds=600.0, count=30, spacing_seconds=2.0)

    assert sum(411 <= offset < 429 for offset in choice.offsets) >= 7
    assert choice.missed > 10
    assert choice.in_motion(420.0)
    assert not choice.in_motion(429.0)


def test_a_clip_in_which_nothing_stands_out_is_sampled_evenly() -> None:
    amounts = [(float(n), 5.0 + n % 3) for n in range(700)]

    assert choose_frames(amounts, span_seconds=700.0, count=8, spacing_seconds=2.0).offsets == evenly_spaced(700.0, 8)
    assert choose_frames([], span_seconds=700.0, count=8, spacing_seconds=2.0).offsets == evenly_spaced(700.0, 8)
    assert choose_frames([], span_seconds=0.0, count=8, spacing_seconds=2.0).offsets == [0.0]
    assert evenly_spaced(60.0, 1) == [0.0]


def test_the_only_frame_of_a_clip_lies_in_the_motion() -> None:
    amounts = [(float(n), 9.0 if 50 <= n < 60 else 0.0) for n in range(100)]

    assert choose_frames(amounts, span_seconds=100.0, count=1, spacing_seconds=2.0).offsets == [55.0]
    assert choose_frames(amounts, span_seconds=100.0, count=2, spacing_seconds=2.0).offsets == [0.0, 55.0]


@pytest.mark.parametrize(
    ("analysed", "in_motion", "sampling", "note"),
    [
        (30, 0, Sampling(20.689, 0, 0, 0), "only 30 frames were analysed, on average one every 20.7 s"),
        (1, 0, Sampling(90.0, 0, 0, 0), "only 1 frame was analysed, on average one every 90 s"),
        (
            30, 0, Sampling(20.689, 600, 0, 0),
            "only 30 frames were analysed, on average one every 20.7 s; 600 frames were compared, no motion stands out",
        ),
        (
            30, 21, Sampling(20.689, 600, 1, 0),
            "only 30 frames were analysed, 21 of them in 1 period of motion (600 frames were compared)",
        ),
        (
            30, 21, Sampling(20.689, 600, 14, 3),
            "only 30 frames were analysed, 21 of them in 11 periods of motion; 3 periods of motion not analysed "
            "(600 frames were compared)",
        ),
    ],
)  # fmt: skip
def test_a_sparsely_sampled_clip_is_described(analysed: int, in_motion: int, sampling: Sampling, note: str) -> None:
    assert sampling_note(analysed, in_motion, sampling) == note
