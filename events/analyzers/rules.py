"""Judges a batch by fixed rules, without a model or network. The same batch always gets the same verdict.

The score is the sum of these parts. The reasoning lists each of them:

- label: the points of the most serious label (`POINTS`), half of them for its presence and half in proportion to its
best
  confidence, so that 45 points at 90 % are 43
- other labels: a quarter of the points of each other label, at most `MAX_OTHERS`
- night: two fifths of the first part again, if the batch began or ended between 22:00 and 06:00 local time
- together: 8 for each further person in the same picture, at most `MAX_TOGETHER`
- repeated: 2 for each doubling of the number of detections, at most `MAX_REPEATED`
- stay: 5 from 30 seconds on, 10 from 60 seconds on
- camera: 0, until the place of a camera is known (`camera_points`)

No part is negative, so more detections, a higher confidence or a later hour never lower a score. The points are a
convention, not a measurement: a person is medium by day and high at night, vehicles and pets alone are low, and several
people who stay at night are critical.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from events.analyzers import Context, Verdict
from events.analyzers.texts import one_line, sentence, together
from events.severity import level_of

POINTS = {
    "person": 45,
    "knife": 55,
    "baseball bat": 45,
    "bear": 50,
    "car": 20,
    "truck": 22,
    "bus": 20,
    "motorcycle": 22,
    "bicycle": 20,
    "boat": 18,
    "backpack": 12,
    "handbag": 12,
    "suitcase": 15,
    "dog": 10,
    "horse": 12,
    "cow": 12,
    "sheep": 8,
    "cat": 5,
    "bird": 3,
}
OTHER_POINTS = 8
MAX_OTHERS = 12
NIGHT_STARTS_HOUR, NIGHT_ENDS_HOUR = 22, 6
TOGETHER_POINTS, MAX_TOGETHER = 8, 16
REPEATED_POINTS, MAX_REPEATED = 2, 10
MAX_LABEL_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a score, and its reason."""

    points: int
    why: str


class RulesAnalyzer:
    """The `rules` analyser. It needs no service and cannot fail."""

    name = "rules"

    def judge(self, context: Context) -> Verdict:
        parts = [part for step in STEPS for part in step(context) if part.points > 0]
        total = sum(part.points for part in parts)
        score = min(total, 100)
        return Verdict(
            risk_score=score,
            risk_level=level_of(score),
            summary=sentence(context),
            reasoning=_reasoning(parts, total),
            source="rules",
            rule_score=score,
        )

    def check(self) -> str:
        return "ready (rules need no service)"

    def close(self) -> None:
        """Do nothing: no resource is open."""


def _reasoning(parts: list[Part], total: int) -> str:
    if not parts:
        return "Score by rules: nothing was detected, so nothing counts. Total 0."
    listed = "; ".join(f"{part.why} +{part.points}" for part in parts)
    held = ", held at 100" if total > 100 else ""
    return f"Score by rules: {listed}. Total {total}{held}."


def kind_points(context: Context) -> list[Part]:
    """Return the points of the most serious label, and of the others."""
    ranked = _ranked(context)
    if not ranked:
        return []
    (first, points, confidence), *others = ranked
    parts = [Part(points, f"{first} at {confidence:.0%}")]
    more = min(sum(points for _, points, _ in others) // 4, MAX_OTHERS)
    names = ", ".join(name for name, _, _ in others[:5])
    return [*parts, Part(more, f"also {names}")]


def night_points(context: Context) -> list[Part]:
    ranked = _ranked(context)
    by_night = [when for when in (context.started_at, context.ended_at) if is_night(when.hour)]
    if not ranked or not by_night:
        return []
    return [Part(ranked[0][1] * 2 // 5, f"night ({by_night[0]:%H:%M})")]


def together_points(context: Context) -> list[Part]:
    people = together(context).get("person", 0)
    points = min((people - 1) * TOGETHER_POINTS, MAX_TOGETHER)
    return [Part(points, f"{people} people in one picture")]


def repeated_points(context: Context) -> list[Part]:
    count = len(context.seen)
    doublings = max(count, 1).bit_length() - 1
    return [Part(min(doublings * REPEATED_POINTS, MAX_REPEATED), f"seen {count} times")]


def stay_points(context: Context) -> list[Part]:
    times = [detection.captured_at for detection in context.seen]
    seconds = (max(times) - min(times)).total_seconds() if times else 0.0
    points = 10 if seconds >= 60 else 5 if seconds >= 30 else 0
    return [Part(points, f"over {seconds:.0f} seconds")]


def camera_points(context: Context) -> list[Part]:
    """Return the points for the place and history of the camera: none so far."""
    return []


STEPS: tuple[Callable[[Context], list[Part]], ...] = (
    kind_points,
    night_points,
    together_points,
    repeated_points,
    stay_points,
    camera_points,
)


def is_night(hour: int) -> bool:
    return hour >= NIGHT_STARTS_HOUR or hour < NIGHT_ENDS_HOUR


def _ranked(context: Context) -> list[tuple[str, int, float]]:
    """Return (label, points, best confidence) of each label, the most serious first."""
    best: dict[str, float] = {}
    for detection in context.seen:
        best[detection.label] = max(best.get(detection.label, 0.0), detection.confidence)
    ranked = [(_name(label), _points(label, confidence), confidence) for label, confidence in best.items()]
    return sorted(ranked, key=lambda entry: (-entry[1], entry[0]))


def _points(label: str, confidence: float) -> int:
    sure = min(max(confidence, 0.0), 1.0)
    return round(POINTS.get(label, OTHER_POINTS) * (0.5 + 0.5 * sure))


def _name(label: str) -> str:
    return one_line(label, MAX_LABEL_CHARACTERS) or "something"
