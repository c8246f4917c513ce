"""Which frames of a long clip are looked at: enough everywhere, and more where something changes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cameras.media.frame_selection import choose_offsets, evenly_spaced, sparse_sampling_note

pytestmark = pytest.mark.one_engine

pairs = st.lists(st.tuples(st.floats(0, 4000), st.floats(0, 1e7)), max_size=200)


@settings(max_examples=150, deadline=None)
@given(pairs, st.floats(0.5, 4000), st.integers(1, 60), st.floats(0.5, 20))
def test_offsets_are_few_in_order_apart_and_everywhere(
    activity: list[tuple[float, float]], span: float, count: int, spacing: float
) -> None:
    chosen = choose_offsets(activity, span_seconds=span, count=count, spacing_seconds=spacing)

    assert 1 <= len(chosen) <= count
    assert chosen[0] == 0
    assert chosen[-1] <= span + 1e-6
    assert all(later - earlier >= spacing - 1e-6 for earlier, later in pairwise(chosen))
    if count > 1:
        widest = 2 * span / (count - 1) + spacing
        assert all(later - earlier <= widest + 1e-6 for earlier, later in pairwise([*chosen, span]))
    assert chosen == choose_offsets(list(reversed(activity)), span_seconds=span, count=count, spacing_seconds=spacing)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(60, 3600),
    st.data(),
    st.floats(100, 5000),
    st.integers(5, 60),
)
def test_a_visit_that_stands_out_is_sampled(span: int, data: st.DataObject, usual: float, count: int) -> None:
    length = data.draw(st.integers(5, 30))
    start = data.draw(st.integers(0, span - length))
    noise = [usual * (1 + 0.1 * ((second * 7919) % 11 - 5) / 5) for second in range(span)]
    activity = [(float(n), one * (6 if start <= n < start + length else 1)) for n, one in enumerate(noise)]

    chosen = choose_offsets(activity, span_seconds=float(span), count=count, spacing_seconds=2.0)

    assert any(start - 2 <= offset <= start + length + 2 for offset in chosen)


def test_two_visits_of_different_size_are_both_sampled() -> None:
    activity = [(n / 5, 300.0) for n in range(9000)]
    for start, length, amount in ((411, 20, 40_000.0), (1302, 12, 4_000.0)):
        activity += [(start + n / 5, amount) for n in range(length * 5)]

    chosen = choose_offsets(activity, span_seconds=1800.0, count=30, spacing_seconds=2.0)

    assert sum(411 <= offset <= 431 for offset in chosen) >= 3
    assert sum(1302 <= offset <= 1314 for offset in chosen) >= 2


def test_a_clip_in_which_nothing_stands_out_is_sampled_evenly() -> None:
    activity = [(float(n), 500.0 + n % 3) for n in range(700)]

    assert choose_offsets(activity, span_seconds=700.0, count=8, spacing_seconds=2.0) == evenly_spaced(700.0, 8)
    assert choose_offsets([], span_seconds=700.0, count=8, spacing_seconds=2.0) == evenly_spaced(700.0, 8)
    assert evenly_spaced(60.0, 1) == [0.0]


def test_a_sparsely_sampled_clip_is_described() -> None:
    assert sparse_sampling_note(30, 20.689) == "only 30 frames were analysed, on average one every 20.7 s"
    assert sparse_sampling_note(1, 90.0) == "only 1 frame of a long clip was analysed"
