"""One measured figure and its goal, and how a figure is compared with the bare thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """`limit` is what the bare thing reached in the same run: the goal is then one for `ratio`, else for `value`.

    A figure without a goal is for information.
    """

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    limit: float | None = None
    ratio: float | None = None

    @property
    def ok(self) -> bool:
        judged = self.value if self.ratio is None else self.ratio
        return judged >= (self.at_least or 0) and (self.at_most is None or judged <= self.at_most)

    @property
    def goal(self) -> str:
        if self.at_least is None and self.at_most is None:
            return ""
        bound = f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"
        return f"{bound} x limit" if self.ratio is not None else f"{bound} {self.unit}"

    def as_dict(self) -> dict[str, Any]:
        facts = asdict(self)
        return {name: facts[name] for name in ("name", "value", "unit", "limit", "ratio")} | {
            "goal": self.goal,
            "ok": self.ok,
        }

    def line(self) -> str:
        measured = f"{self.name:<58} {_short(self.value):>10} {self.unit:<10}"
        bare = (
            f"limit {_short(self.limit):>8}  ratio {self.ratio:5.2f}"
            if self.limit is not None and self.ratio is not None
            else ""
        )
        verdict = f"goal {self.goal:<18} {'ok' if self.ok else 'MISSED'}" if self.goal else "for information"
        return f"{measured} {bare:<29} {verdict}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def compared(
    name: str,
    unit: str,
    ours: Callable[[], float],
    bare: Callable[[], float],
    *,
    rounds: int,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Figure:
    """Ours and the bare thing in turns, so that a busy machine is busy for both; medians of all."""
    pairs = [_in_turn(ours, bare, ours_first=number % 2 == 0) for number in range(rounds)]
    return Figure(
        name,
        median(value for value, _ in pairs),
        unit,
        at_least=at_least,
        at_most=at_most,
        limit=median(limit for _, limit in pairs),
        ratio=median(value / limit for value, limit in pairs),
    )


def _in_turn(ours: Callable[[], float], bare: Callable[[], float], *, ours_first: bool) -> tuple[float, float]:
    if ours_first:
        value = ours()
        return value, bare()
    limit = bare()
    return ours(), limit


def percentile(values: list[float], share: float) -> float:
    """The smallest of `values` that at least this share (0..1) of them does not exceed."""
    ranked = sorted(values)
    return ranked[max(0, -int(-share * len(ranked) // 1) - 1)]
