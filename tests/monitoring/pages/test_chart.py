"""Charts: round numbers, gaps where nothing was measured, and words for those who cannot see them."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.pages.chart import HEIGHT, TOP, Axis, Line, chart, nice, spark

pytestmark = pytest.mark.one_engine

AXIS = Axis(("10:00", "10:30", "11:00"), " s")


def drawn(*lines: Line) -> ElementTree.Element:
    return ElementTree.fromstring(chart("Waits & more", lines, AXIS))


@given(st.floats(1e-9, 1e12))
def test_the_top_of_a_chart_is_a_round_number_that_is_not_much_larger(value: float):
    top = nice(value)
    assert value <= top * (1 + 1e-9)
    assert top <= value * 2.5 * (1 + 1e-9)


def test_the_top_of_nothing_is_one():
    assert nice(0) == nice(-1) == 1


def test_what_was_not_measured_is_a_gap_and_not_a_zero():
    picture = drawn(Line("half", [1.0, None, 3.0, 4.0], "good"))
    path, dot = picture.find(".//path"), picture.find(".//circle")
    assert path is not None
    assert dot is not None
    assert path.attrib["d"].count("M") == 2


def test_the_largest_value_reaches_the_top_and_zero_the_ground():
    picture = drawn(Line("files", [0, 5, 10], "accent", bars=True))
    bars = picture.findall(".//g/rect")
    assert len(bars) == 2
    assert min(float(bar.attrib["y"]) for bar in bars) == TOP
    assert all(float(bar.attrib["y"]) + float(bar.attrib["height"]) < HEIGHT for bar in bars)


def test_a_chart_is_told_in_words():
    label = drawn(Line("half", [1.0, 3.25], "good"), Line("most", [None], "warn")).attrib["aria-label"]
    assert label == "Waits & more: half at most 3.25 s, most at most unknown"


def test_a_row_of_small_bars_says_nothing_by_itself():
    bars = ElementTree.fromstring(spark([0, 2, 4]))
    assert bars.attrib["aria-hidden"] == "true"
    assert [math.isclose(float(bar.attrib["height"]), height) for bar, height in zip(bars, (12, 24), strict=True)]
