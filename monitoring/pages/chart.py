"""Charts as inline SVG, without scripts, and with a text for screen readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH, HEIGHT = 600.0, 150.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 6.0, 10.0, 22.0
SPARK_WIDTH, SPARK_HEIGHT = 120.0, 24.0
NICE = (1, 2, 2.5, 5, 10)

Value = float | None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart, or its bars. None: nothing was measured, which leaves a gap."""

    name: str
    values: Sequence[Value]
    tone: str
    bars: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """What stands at the edges: the words for a value, and those below, from the left to the right."""

    words: tuple[str, ...]
    unit: str = ""


def spark(values: Sequence[int]) -> SafeString:
    """A row of small bars without words; what they say stands beside them."""
    top = max([*values, 1])
    wide = SPARK_WIDTH / max(len(values), 1)
    bars = format_html_join(
        "",
        '<rect x="{}" y="{}" width="{}" height="{}"/>',
        (
            (_n(place * wide), _n(SPARK_HEIGHT * (1 - value / top)), _n(wide * 0.8), _n(SPARK_HEIGHT * value / top))
            for place, value in enumerate(values)
            if value
        ),
    )
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">{}</svg>',
        _n(SPARK_WIDTH),
        _n(SPARK_HEIGHT),
        bars,
    )


def chart(title: str, lines: Sequence[Line], axis: Axis) -> SafeString:
    """`title` is read out, with the largest value of each line."""
    known = [value for line in lines for value in line.values if value is not None]
    top = nice(max(known, default=0))
    summary = ", ".join(f"{line.name} at most {_words(_most(line), axis)}" for line in lines)
    drawn = format_html_join("", "{}", ((_bars(line, top) if line.bars else _path(line, top),) for line in lines))
    return format_html(
        '<svg class="drawing" viewBox="0 0 {} {}" role="img" aria-label="{}: {}">{}{}{}</svg>',
        _n(WIDTH), _n(HEIGHT), title, summary, _grid(top, axis), drawn, _below(axis),
    )  # fmt: skip


def nice(value: float) -> float:
    """The next round number that is not smaller; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 1.0
    while power * 10 <= value:
        power *= 10
    while power > value:
        power /= 10
    return next(step * power for step in NICE if step * power >= value)


def _most(line: Line) -> Value:
    return max((value for value in line.values if value is not None), default=None)


def _words(value: Value, axis: Axis) -> str:
    return "unknown" if value is None else f"{value:g}{axis.unit}" if value >= 10 else f"{value:.3g}{axis.unit}"


def _grid(top: float, axis: Axis) -> SafeString:
    return format_html_join(
        "",
        '<line x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{}</text>',
        (
            (_n(LEFT), _n(WIDTH - RIGHT), _n(_y(part * top, top)), _n(_y(part * top, top)), _n(LEFT - 6),
             _n(_y(part * top, top) + 4), _words(part * top, axis))
            for part in (0, 0.5, 1)
        ),
    )  # fmt: skip


def _below(axis: Axis) -> SafeString:
    last = max(len(axis.words) - 1, 1)
    anchors = ["start", *["middle"] * (last - 1), "end"]
    return format_html_join(
        "",
        '<text x="{}" y="{}" text-anchor="{}">{}</text>',
        (
            (_n(LEFT + (WIDTH - LEFT - RIGHT) * place / last), _n(HEIGHT - 4), anchor, words)
            for place, (words, anchor) in enumerate(zip(axis.words, anchors, strict=False))
        ),
    )


def _bars(line: Line, top: float) -> SafeString:
    wide = _step(line)
    return format_html(
        '<g class="bars tone-{}">{}</g>',
        line.tone,
        format_html_join(
            "",
            '<rect x="{}" y="{}" width="{}" height="{}"/>',
            (
                (_n(LEFT + place * wide), _n(_y(value, top)), _n(wide * 0.8), _n(_y(0, top) - _y(value, top)))
                for place, value in enumerate(line.values)
                if value
            ),
        ),
    )


def _path(line: Line, top: float) -> SafeString:
    wide = _step(line)
    points = [(LEFT + (place + 0.4) * wide, value) for place, value in enumerate(line.values)]
    pieces = [list(piece) for known, piece in groupby(points, lambda point: point[1] is not None) if known]
    moves = " ".join("M" + " L".join(f"{_n(x)} {_n(_y(value or 0, top))}" for x, value in piece) for piece in pieces)
    alone = [piece[0] for piece in pieces if len(piece) == 1]
    dots = format_html_join(
        "", '<circle cx="{}" cy="{}" r="2"/>', ((_n(x), _n(_y(value or 0, top))) for x, value in alone)
    )
    return format_html('<g class="line tone-{}"><path d="{}"/>{}</g>', line.tone, moves, dots)


def _step(line: Line) -> float:
    return (WIDTH - LEFT - RIGHT) / max(len(line.values), 1)


def _y(value: float, top: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)


def _n(number: float) -> str:
    return f"{number:.1f}".rstrip("0").rstrip(".")
