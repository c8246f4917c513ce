"""Judges a situation by a fixed list of parts, without a model or network. The same situation always gets the same
score.

Each label is scored by the sum of `PARTS`, and the most serious label decides. A label that the detector is not sure
about stays low. The points are a convention. They were chosen so that everyday situations get the levels that a careful
person would give them (`make judge`), and so that

- the number of pictures never changes a score,
- a habit never raises it, and a darker hour, more protected ground or a longer stay never lowers it,
- a person on private ground at night is never below medium.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.conf import settings

from events.analyzers import Context, Identity, Verdict
from events.analyzers.light import Light
from events.analyzers.sentence import duration, quantity, sentence
from events.analyzers.situation import HABIT_DAYS, PLACE_NOT_SET, Situation, Subject, situation_of
from events.analyzers.translations import translated
from events.severity import level_of

PERSON, WEAPON = "person", "weapon"
# How much of the points of a person a label gets by its group. Other groups and labels: `OTHER_WEIGHT`.
WEIGHTS = {PERSON: 1.0, "vehicle": 0.5}
OTHER_WEIGHT = 0.1
DANGEROUS_ANIMALS = frozenset({"bear"})
# By day these are things for play or work: a bat everywhere, the tools on private ground and indoors.
BATS = frozenset({"baseball bat"})
TOOLS = frozenset({"knife", "axe"})
PLACES_OF_TOOLS = frozenset({"private", "indoor"})
SHORT_SECONDS, LONG_SECONDS = 10, 60  # a stay counts from the first on, and in full from the second on
SEVERAL, MANY_VEHICLES = 3, 2
SHARE_OF_NIGHT = {Light.DAY: 0.0, Light.DARK: 0.5, Light.NIGHT: 1.0}
PLACE_TEXTS = {
    "street": "In the street",
    PLACE_NOT_SET: "The camera has no place, and counts as one at the entrance",
    "entrance": "At the entrance",
    "driveway": "In the driveway",
    "indoor": "Indoors",
    "private": "On private ground",
}

Share = Callable[[Situation, Subject], float]
Text = Callable[[Situation, Subject], str]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the score: its points by place, the share of them that counts (0 to 1), and its reason.

    A weighted part counts less for vehicles, animals and things (`WEIGHTS`).
    """

    name: str
    points: Mapping[str, int]
    share: Share
    why: Text
    is_weighted: bool = True


@dataclass(frozen=True, slots=True)
class Reason:
    """A part of one score."""

    name: str
    points: int
    text: str


@dataclass(frozen=True, slots=True)
class Score:
    """A score of 0 to 100 with its reasons. `held_at` is the highest score allowed, `held_why` the reason for it."""

    subject: Subject | None
    reasons: tuple[Reason, ...]
    held_at: int = 100
    held_why: str = "100 is the highest score"

    @property
    def total(self) -> int:
        return sum(reason.points for reason in self.reasons)

    @property
    def value(self) -> int:
        return min(self.total, self.held_at)


class RulesAnalyzer:
    """The `rules` analyser. It needs no service and cannot fail."""

    name = "rules"

    def judge(self, context: Context) -> Verdict:
        situation = situation_of(context)
        score = score_of(situation)
        return Verdict(
            risk_score=score.value,
            risk_level=level_of(score.value),
            summary=sentence(situation),
            reasoning=explanation(score),
            source="rules",
            rule_score=score.value,
        )

    def check(self) -> str:
        return "ready (rules need no service)"

    def close(self) -> None:
        """Do nothing: no resource is open."""


def score_of(situation: Situation) -> Score:
    """Return the score of the most serious label. The first label wins a tie."""
    scores = [_score_of_subject(situation, subject) for subject in situation.subjects]
    return max(scores, key=lambda score: score.value, default=Score(None, ()))


def explanation(score: Score) -> str:
    """Return the score and its parts, one in a line."""
    if score.subject is None:
        return translated("Score 0 by rules: nothing was detected.")
    what = quantity(score.subject.label, score.subject.count)
    lines = [translated("Score {score} by rules, for {what}:", score=score.value, what=what)]
    lines += [f"- {reason.text}: +{reason.points}" for reason in score.reasons]
    if score.total > score.held_at:
        held = translated(
            "Together {total}, held at {held}: {why}",
            total=score.total,
            held=score.held_at,
            why=translated(score.held_why),
        )
        lines.append(f"- {held}")
    return "\n".join(lines)


def _score_of_subject(situation: Situation, subject: Subject) -> Score:
    weight = WEIGHTS.get(subject.group, OTHER_WEIGHT)
    reasons = []
    for part in PARTS:
        own = weight if part.is_weighted else 1.0
        points = round(part.points[subject.place] * own * part.share(situation, subject))
        if points:
            reasons.append(Reason(part.name, points, part.why(situation, subject)))
    if subject.is_sure:
        return Score(subject, tuple(reasons))
    why = translated("the detector is not sure (best confidence {share})", share=f"{subject.confidence:.0%}")
    return Score(subject, tuple(reasons), settings.SEVERITY_LOW_MAX, why)


def _always(situation: Situation, subject: Subject) -> float:
    return 1.0


def _unusual(situation: Situation, subject: Subject) -> float:
    """Someone who comes once a week is seen on one or two of ten days, and stays low by day."""
    return 0.0 if _is_known(situation, subject) else 1 / (1 + subject.habit_days * 1.5)


def _night(situation: Situation, subject: Subject) -> float:
    """A habit at night weighs less than one by day, so that a second visit in the garden is still alarming."""
    return 0.0 if _is_known(situation, subject) else SHARE_OF_NIGHT[situation.light] / (1 + subject.habit_days / 4)


def _stay(situation: Situation, subject: Subject) -> float:
    """Vehicles and things stay: only people who do are unusual."""
    if subject.group != PERSON:
        return 0.0
    share = (subject.seconds - SHORT_SECONDS) / (LONG_SECONDS - SHORT_SECONDS)
    return min(max(share, 0.0), 1.0) * _unusual(situation, subject)


def _stay_at_night(situation: Situation, subject: Subject) -> float:
    return _stay(situation, subject) * SHARE_OF_NIGHT[situation.light]


def _between_vehicles(situation: Situation, subject: Subject) -> float:
    vehicles = sum(one.count for one in situation.subjects if one.group == "vehicle" and one.is_sure)
    return _stay_at_night(situation, subject) if vehicles >= MANY_VEHICLES else 0.0


def _several(situation: Situation, subject: Subject) -> float:
    if subject.group != PERSON:
        return 0.0
    share = min((subject.count - 1) / (SEVERAL - 1), 1.0)
    return share * _unusual(situation, subject) * SHARE_OF_NIGHT[situation.light]


def _stranger(situation: Situation, subject: Subject) -> float:
    is_stranger = subject.group == PERSON and situation.identity is Identity.UNKNOWN
    return _unusual(situation, subject) if is_stranger else 0.0


def _armed(situation: Situation, subject: Subject) -> float:
    carries = subject.group in (PERSON, WEAPON)
    return 1.0 if carries and any(_is_weapon(situation, one) for one in situation.subjects) else 0.0


def _is_weapon(situation: Situation, subject: Subject) -> bool:
    """One picture of a weapon is often a mistake of the detector."""
    if subject.group != WEAPON or subject.pictures < 2 or not subject.is_sure:
        return False
    by_day = situation.light is Light.DAY
    is_harmless = subject.label in BATS or (subject.label in TOOLS and subject.place in PLACES_OF_TOOLS)
    return not (by_day and is_harmless)


def _dangerous_animal(situation: Situation, subject: Subject) -> float:
    return 1.0 if subject.label in DANGEROUS_ANIMALS else 0.0


def _is_known(situation: Situation, subject: Subject) -> bool:
    return subject.group == PERSON and situation.identity is Identity.KNOWN


def _place_text(situation: Situation, subject: Subject) -> str:
    return translated(PLACE_TEXTS[subject.place])


def _habit_text(situation: Situation, subject: Subject) -> str:
    if subject.habit_days:
        seen = "Seen here at this hour on {days} of the last {every} days"
        return translated(seen, days=subject.habit_days, every=HABIT_DAYS)
    return translated("Never seen here at this hour in the last {every} days", every=HABIT_DAYS)


def _night_text(situation: Situation, subject: Subject) -> str:
    is_dark = situation.light is Light.DARK
    pattern = "After sunset and before sunrise ({time})" if is_dark else "At night ({time})"
    return translated(pattern, time=f"{situation.at:%H:%M}")


def _stay_text(situation: Situation, subject: Subject) -> str:
    return translated("Stayed for {duration}", duration=duration(subject.seconds))


def _weapon_text(situation: Situation, subject: Subject) -> str:
    weapon = next(one for one in situation.subjects if _is_weapon(situation, one))
    what = quantity(weapon.label, weapon.count).capitalize()
    return translated("{what} in {count} pictures", what=what, count=weapon.pictures)


def _animal_text(situation: Situation, subject: Subject) -> str:
    return translated("An animal that attacks people")


def _several_text(situation: Situation, subject: Subject) -> str:
    return translated("{count} people at once at night", count=subject.count)


def _always_text(pattern: str) -> Text:
    return lambda situation, subject: translated(pattern)


def _by_place(street: int, entrance: int, driveway: int, private: int) -> Mapping[str, int]:
    """Return points by place. Indoors counts as private ground, and a camera without a place as the entrance."""
    return {
        "street": street, PLACE_NOT_SET: entrance, "entrance": entrance, "driveway": driveway,
        "indoor": private, "private": private,
    }  # fmt: skip


# The score is the sum of these parts. A part without points is not listed.
# fmt: off
PARTS: tuple[Part, ...] = (
    Part("place", _by_place(0, 10, 12, 15), _always, _place_text),
    Part("unusual", _by_place(5, 25, 25, 25), _unusual, _habit_text),
    Part("night", _by_place(20, 20, 28, 58), _night, _night_text),
    Part("stay", _by_place(10, 10, 10, 10), _stay, _stay_text),
    Part("stay at night", _by_place(20, 10, 0, 0), _stay_at_night, _always_text("Stayed where people usually pass")),
    Part("between vehicles", _by_place(10, 0, 0, 0), _between_vehicles, _always_text("Between vehicles at night")),
    Part("several", _by_place(8, 8, 8, 8), _several, _several_text),
    Part("stranger", _by_place(5, 10, 10, 10), _stranger, _always_text("Not a known person")),
    Part("weapon", _by_place(50, 50, 50, 50), _armed, _weapon_text, is_weighted=False),
    Part("dangerous animal", _by_place(60, 60, 60, 60), _dangerous_animal, _animal_text, is_weighted=False),
)
# fmt: on
