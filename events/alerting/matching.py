"""Whether a rule matches an event. No rule depends on text that a language model wrote."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from detection.models import Detection
from events.alerting.schedule import Schedule, zone_named
from events.models import AlertRule, Event
from events.severity import is_at_least


@dataclass(frozen=True, slots=True)
class LabelSummary:
    """A detected label in one set of zones, with the highest confidence (0..1) there. `zones` are ids."""

    label: str
    confidence: float
    zones: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class EventFacts:
    """The parts of an event that rules are compared with."""

    camera: str
    started_at: datetime
    score: int | None
    level: str | None
    labels: Sequence[LabelSummary]


def label_summaries(batch_ids: Iterable[int]) -> dict[int, list[LabelSummary]]:
    """Return the labels detected in each batch, sorted by label. One query."""
    summaries: defaultdict[int, list[LabelSummary]] = defaultdict(list)
    rows = Detection.objects.filter(batch__in=batch_ids).values_list("batch_id", "label", "zones")
    for batch_id, label, zones, confidence in rows.annotate(best=Max("confidence")).order_by("batch_id", "label"):
        summaries[batch_id].append(LabelSummary(label, confidence, frozenset(zones)))
    return dict(summaries)


def facts_of(event: Event, labels: Sequence[LabelSummary]) -> EventFacts:
    return EventFacts(event.camera_id, event.started_at, event.risk_score, event.risk_level, labels)


def mismatches(rule: AlertRule, facts: EventFacts) -> list[str]:
    """Return the reasons why `rule` does not match. Whether the rule is enabled is not considered."""
    return list(_mismatches(rule, facts))


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


def _mismatches(rule: AlertRule, facts: EventFacts) -> Iterator[str]:
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


def schedule_of(rule: AlertRule) -> Schedule | None:
    """Return the schedule of a rule. None means always."""
    if rule.schedule_start is None or rule.schedule_end is None:
        return None
    return Schedule(rule.schedule_start, rule.schedule_end, zone_named(rule.schedule_timezone), rule.schedule_days)
