"""Whether a rule matches an event. No rule depends on text that a language model wrote."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Max, Q

from detection.models import Detection
from events.alerting.schedule import Schedule, zone_named
from events.models import AlertRule, Event, Track
from events.severity import is_at_least


@dataclass(frozen=True, slots=True)
class LabelSummary:
    """A detected label in one set of zones, with the highest confidence (0..1) there. `zones` are ids."""

    label: str
    confidence: float
    zones: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TrackFacts:
    """What one object of an event did. `stays` has its seconds in each zone, `entered` and `left` the zones crossed."""

    labels: frozenset[str]
    confidence: float
    seconds: float
    stays: Mapping[str, float] = field(default_factory=dict)
    entered: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class EventFacts:
    """The parts of an event that rules are compared with."""

    camera: str
    started_at: datetime
    score: int | None
    level: str | None
    labels: Sequence[LabelSummary]
    tracks: Sequence[TrackFacts] = ()
    people_at_once: int = 0


def labels_of_events(event_ids: Iterable[int]) -> dict[int, list[LabelSummary]]:
    """Return the labels detected in each event, sorted by label. One query."""
    summaries: defaultdict[int, list[LabelSummary]] = defaultdict(list)
    for event_id, *summary in _summarised(Q(batch__event__in=list(event_ids)), "batch__event"):
        summaries[event_id].append(LabelSummary(*summary))
    return dict(summaries)


def labels_of_batches(batch_ids: Iterable[int]) -> list[LabelSummary]:
    """Return the labels detected in all of the batches, sorted by label. One query."""
    return [LabelSummary(*summary) for summary in _summarised(Q(batch__in=list(batch_ids)))]


def _summarised(condition: Q, *group: str) -> Iterator[tuple[Any, ...]]:
    """Yield the values of `group`, the label, its best confidence and its zones."""
    rows = Detection.objects.filter(condition).values_list(*group, "label", "zones")
    for *values, label, zones, confidence in rows.annotate(best=Max("confidence")).order_by(*group, "label"):
        yield *values, label, confidence, frozenset(zones)


def facts_of(event: Event, labels: Sequence[LabelSummary], tracks: Iterable[Track]) -> EventFacts:
    return EventFacts(
        event.camera_id,
        event.started_at,
        event.risk_score,
        event.risk_level,
        labels,
        [track_facts(track) for track in tracks],
        event.people_at_once,
    )


def track_facts(track: Track) -> TrackFacts:
    return TrackFacts(
        frozenset(track.labels),
        track.confidence,
        track.seconds,
        stays={stay["zone"]: stay["seconds"] for stay in track.zones},
        entered=frozenset(stay["zone"] for stay in track.zones if stay["entered_at"]),
        left=frozenset(stay["zone"] for stay in track.zones if stay["left_at"]),
    )


def mismatches(rule: AlertRule, facts: EventFacts, zone_names: Mapping[str, str] | None = None) -> list[str]:
    """Return the reasons why `rule` does not match. Whether the rule is enabled is not considered.

    `zone_names` are the names of zones by id, for the reasons.
    """
    return list(_mismatches(rule, facts, zone_names or {}))


def matching_label(rule: AlertRule, facts: EventFacts) -> LabelSummary | None:
    """Return the label with the highest confidence that meets labels, confidence and zones of `rule` at once."""
    matching = [summary for summary in facts.labels if _matches(rule, summary)]
    return max(matching, key=lambda summary: (summary.confidence, summary.label), default=None)


def _matches(rule: AlertRule, summary: LabelSummary) -> bool:
    return (
        (not rule.labels or summary.label in rule.labels)
        and summary.confidence >= rule.min_confidence
        and (not rule.zones or not summary.zones.isdisjoint(rule.zones))
    )


def _mismatches(rule: AlertRule, facts: EventFacts, zone_names: Mapping[str, str]) -> Iterator[str]:
    if rule.cameras and facts.camera not in rule.cameras:
        yield "another camera"
    if facts.score is None:
        yield "not analysed yet"
    else:
        if not is_at_least(facts.level, rule.severity):
            yield f"level {facts.level}, below {rule.severity}"
        if facts.score < rule.min_risk:
            yield f"score {facts.score}, below {rule.min_risk}"
    if matching_label(rule, facts) is None:
        yield _label_mismatch(rule, facts)
    yield from _track_mismatches(rule, facts, zone_names)
    if facts.people_at_once < rule.min_people:
        yield f"people at once: {facts.people_at_once}, fewer than {rule.min_people}"
    schedule = schedule_of(rule)
    if schedule is not None and not schedule.covers(facts.started_at):
        yield "out of hours"


def _label_mismatch(rule: AlertRule, facts: EventFacts) -> str:
    confidences = [summary.confidence for summary in facts.labels if not rule.labels or summary.label in rule.labels]
    if not confidences:
        return "none of the labels was detected"
    if max(confidences) < rule.min_confidence:
        return f"confidence at most {max(confidences):.0%}, below {rule.min_confidence:.0%}"
    return "not in one of the zones"


def _track_mismatches(rule: AlertRule, facts: EventFacts, zone_names: Mapping[str, str]) -> Iterator[str]:
    """One object must meet labels, confidence, stay and crossing of `rule` at once."""
    if not rule.min_stay_seconds and rule.crossing == AlertRule.Crossing.NONE:
        return
    tracks = [
        track
        for track in facts.tracks
        if (not rule.labels or not track.labels.isdisjoint(rule.labels)) and track.confidence >= rule.min_confidence
    ]
    stayed = [track for track in tracks if _stay(rule, track) >= rule.min_stay_seconds]
    crossed = [track for track in tracks if _has_crossed(rule, track)]
    if not stayed:
        where = f"in {_zones(rule, zone_names)}" if rule.zones else "in the picture"
        longest = max((_stay(rule, track) for track in tracks), default=0)
        yield f"no object stayed {rule.min_stay_seconds} s {where} (longest: {longest:.0f} s)"
    if not crossed:
        yield f"no object {rule.crossing} {_zones(rule, zone_names)}"
    if stayed and crossed and not any(_has_crossed(rule, track) for track in stayed):
        yield f"the object that {rule.crossing} {_zones(rule, zone_names)} stayed less than {rule.min_stay_seconds} s"


def _stay(rule: AlertRule, track: TrackFacts) -> float:
    return max((track.stays.get(zone, 0) for zone in rule.zones), default=0) if rule.zones else track.seconds


def _has_crossed(rule: AlertRule, track: TrackFacts) -> bool:
    if rule.crossing == AlertRule.Crossing.NONE:
        return True
    crossed = track.entered if rule.crossing == AlertRule.Crossing.ENTERED else track.left
    return not crossed.isdisjoint(rule.zones)


def _zones(rule: AlertRule, zone_names: Mapping[str, str]) -> str:
    return " or ".join(sorted(zone_names.get(zone, zone) for zone in rule.zones))


def schedule_of(rule: AlertRule) -> Schedule | None:
    """Return the schedule of a rule. None means always."""
    if rule.schedule_start is None or rule.schedule_end is None:
        return None
    return Schedule(rule.schedule_start, rule.schedule_end, zone_named(rule.schedule_timezone), rule.schedule_days)
