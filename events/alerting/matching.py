"""Whether a rule matches an event. Pure: no database, no clock, and no text that a language model wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from events.alerting.schedule import Schedule, zone_named
from events.models import AlertRule, Event

LEVELS = tuple(Event.Level.values)  # from the least to the worst


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen, how surely (0..1), and the ids of the zones it was in."""

    label: str
    confidence: float
    zones: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Facts:
    """All of an event that a rule may ask about. `at` is when it began."""

    camera: str
    at: datetime
    score: int | None
    level: str | None
    sightings: Sequence[Sighting]


def facts_of(event: Event, sightings: Sequence[Sighting]) -> Facts:
    return Facts(event.camera_id, event.started_at, event.risk_score, event.risk_level, sightings)


def place_of(level: str) -> int:
    """0 is the least level."""
    return LEVELS.index(level)


def at_least(level: str | None, least: str) -> bool:
    """Whether `level` is `least` or worse. No level is not."""
    return level is not None and LEVELS.index(level) >= LEVELS.index(least)


def mismatches(rule: AlertRule, facts: Facts) -> list[str]:
    """Why `rule` would not match, in words; none where it would. Whether it is enabled is another question."""
    return list(_mismatches(rule, facts))


def matching_sighting(rule: AlertRule, facts: Facts) -> Sighting | None:
    """The surest sighting that fulfils labels, confidence and zones of `rule` at once."""
    fitting = [one for one in facts.sightings if _fits(rule, one)]
    return max(fitting, key=lambda one: (one.confidence, one.label), default=None)


def _fits(rule: AlertRule, one: Sighting) -> bool:
    return (
        (not rule.labels or one.label in rule.labels)
        and one.confidence >= rule.min_confidence
        and (not rule.zones or not one.zones.isdisjoint(rule.zones))
    )


def _mismatches(rule: AlertRule, facts: Facts) -> Iterator[str]:
    if rule.cameras and facts.camera not in rule.cameras:
        yield "another camera"
    if facts.score is None:
        yield "not judged yet"
    else:
        if not at_least(facts.level, rule.severity):
            yield f"level {facts.level}, below {rule.severity}"
        if facts.score < rule.min_risk:
            yield f"score {facts.score}, below {rule.min_risk}"
    if matching_sighting(rule, facts) is None:
        yield from _unseen(rule, facts)
    schedule = schedule_of(rule)
    if schedule is not None and not schedule.covers(facts.at):
        yield "out of hours"


def _unseen(rule: AlertRule, facts: Facts) -> Iterator[str]:
    labelled = [one for one in facts.sightings if not rule.labels or one.label in rule.labels]
    sure = [one for one in labelled if one.confidence >= rule.min_confidence]
    if not labelled:
        yield "none of the labels was seen"
    elif not sure:
        yield f"at most {max(one.confidence for one in labelled):.0%} sure, below {rule.min_confidence:.0%}"
    else:
        yield "not seen in one of the zones"


def schedule_of(rule: AlertRule) -> Schedule | None:
    """None: always."""
    if rule.schedule_start is None or rule.schedule_end is None:
        return None
    return Schedule(rule.schedule_start, rule.schedule_end, zone_named(rule.schedule_timezone), rule.schedule_days)
