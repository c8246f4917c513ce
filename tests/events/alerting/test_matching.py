"""What a rule asks for: pure, so each condition is tried by itself."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError

from events.alerting.matching import EventFacts, LabelSummary, TrackFacts, mismatches
from events.alerting.schedule import Schedule
from events.models import AlertRule
from events.models.alerts import validate_template

PERSON, CAR = LabelSummary("person", 0.8, frozenset({"7"})), LabelSummary("car", 0.95)
BERLIN = ZoneInfo("Europe/Berlin")


def facts(**values: Any) -> EventFacts:
    at = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
    return EventFacts(
        **{"camera": "door", "started_at": at, "score": 60, "level": "high", "labels": (PERSON, CAR), **values}
    )


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({}, []),
        ({"severity": "high", "min_risk": 60}, []),
        ({"severity": "critical"}, ["level high, below critical"]),
        ({"min_risk": 61}, ["score 60, below 61"]),
        ({"labels": ["person"]}, []),
        ({"labels": ["dog"]}, ["none of the labels was detected"]),
        ({"labels": ["person"], "min_confidence": 0.8}, []),
        # The car is sure enough, but what counts is one sighting that fulfils everything at once.
        ({"labels": ["person"], "min_confidence": 0.9}, ["confidence at most 80%, below 90%"]),
        ({"zones": ["7"]}, []),
        ({"labels": ["car"], "zones": ["7"]}, ["not in one of the zones"]),
        ({"cameras": ["garden", "door"]}, []),
        ({"cameras": ["garden"]}, ["another camera"]),
        ({"schedule_start": time(22), "schedule_end": time(6)}, []),
        ({"schedule_start": time(6), "schedule_end": time(22)}, ["out of hours"]),
    ],
)
def test_a_rule_matches_what_fulfils_all_it_asks(rule: dict[str, Any], why: list[str]):
    assert mismatches(AlertRule(**rule), facts()) == why


def test_an_event_without_a_score_matches_nothing():
    assert mismatches(AlertRule(), facts(score=None, level=None)) == ["not analysed yet"]


@pytest.mark.parametrize(
    ("at", "covered"),
    [
        ("2026-03-02T21:30:00+01:00", False),
        ("2026-03-02T22:00:00+01:00", True),
        ("2026-03-03T05:59:59+01:00", True),  # Tuesday morning is still Monday's night
        ("2026-03-03T06:00:00+01:00", False),
        ("2026-03-03T23:00:00+01:00", False),
    ],
)
def test_a_night_counts_to_the_day_on_which_it_begins(at: str, covered: bool):
    assert Schedule(time(22), time(6), BERLIN, ["mon"]).covers(datetime.fromisoformat(at)) is covered


@pytest.mark.parametrize(
    ("at", "covered"),
    [
        ("2026-10-25T00:30:00+00:00", True),  # 02:30 for the first time
        ("2026-10-25T01:30:00+00:00", True),  # 02:30 once more, an hour later
        ("2026-10-25T02:00:00+00:00", False),
        ("2026-03-29T00:59:59+00:00", False),
        ("2026-03-29T01:00:00+00:00", False),  # 03:00: two o'clock never came
    ],
)
def test_what_the_clock_shows_twice_counts_twice_and_what_it_skips_never_comes(at: str, covered: bool):
    assert Schedule(time(2), time(3), BERLIN).covers(datetime.fromisoformat(at)) is covered


def test_equal_times_are_a_whole_day():
    schedule = Schedule(time(8), time(8), BERLIN, ["sat"])
    assert schedule.covers(datetime(2026, 3, 7, 8, 0, tzinfo=BERLIN))
    assert schedule.covers(datetime(2026, 3, 8, 7, 59, tzinfo=BERLIN))
    assert not schedule.covers(datetime(2026, 3, 7, 7, 59, tzinfo=BERLIN))


def test_a_key_fills_its_places_and_stays_short():
    assert AlertRule(dedup_key="{camera}-{label}").dedup_key_for("door", "{rule}") == "door-{rule}"
    assert len(AlertRule(dedup_key="{label}").dedup_key_for("door", "x" * 500)) == 64


@pytest.mark.parametrize("template", ["", "  ", "{nobody}", "{camera", "}{", "a\nb"])
def test_a_key_with_other_places_is_refused(template: str):
    with pytest.raises(ValidationError):
        validate_template(template)


WALKER = TrackFacts(frozenset({"person"}), 0.8, 40, stays={"7": 12, "8": 30}, entered=frozenset({"7"}))
VAN = TrackFacts(frozenset({"car", "truck"}), 0.9, 90, stays={"7": 90}, left=frozenset({"7"}))


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"min_stay_seconds": 90}, []),
        ({"min_stay_seconds": 91}, ["no object stayed 91 s in the picture (longest: 90 s)"]),
        ({"min_stay_seconds": 41, "labels": ["person"]}, ["no object stayed 41 s in the picture (longest: 40 s)"]),
        ({"min_stay_seconds": 41, "labels": ["truck", "person"]}, []),
        ({"min_stay_seconds": 13, "labels": ["person"], "zones": ["7", "8"]}, []),
        (
            {"min_stay_seconds": 31, "labels": ["person"], "zones": ["7", "8"]},
            ["no object stayed 31 s in 8 or Door (longest: 30 s)"],
        ),
        ({"crossing": "entered", "zones": ["7"]}, []),
        ({"crossing": "left", "zones": ["7"]}, []),
        ({"crossing": "left", "zones": ["7"], "labels": ["person"]}, ["no object left Door"]),
        ({"crossing": "entered", "zones": ["7"], "min_confidence": 0.9}, ["no object entered Door"]),
        # One object must do both: the van stayed, and the person entered.
        (
            {"crossing": "entered", "zones": ["7"], "min_stay_seconds": 13},
            ["the object that entered Door stayed less than 13 s"],
        ),
        ({"crossing": "entered", "zones": ["7"], "min_stay_seconds": 12}, []),
        ({"min_people": 2}, []),
        ({"min_people": 3}, ["people at once: 2, fewer than 3"]),
    ],
)
def test_what_the_objects_of_an_event_did(rule: dict[str, Any], why: list[str]):
    inside = LabelSummary("truck", 0.95, frozenset({"7", "8"}))
    seen = facts(labels=(PERSON, inside), tracks=(WALKER, VAN), people_at_once=2)
    assert mismatches(AlertRule(**rule), seen, {"7": "Door"}) == why


def test_an_event_without_tracks_meets_no_condition_on_them():
    rule = AlertRule(min_stay_seconds=1, crossing="left", zones=["7"], min_people=1)
    assert mismatches(rule, facts()) == [
        "no object stayed 1 s in 7 (longest: 0 s)", "no object left 7", "people at once: 0, fewer than 1",
    ]  # fmt: skip


def test_a_crossing_needs_a_zone():
    with pytest.raises(ValidationError, match="at least one zone"):
        AlertRule(name="crossing", crossing="entered").clean()
    AlertRule(name="crossing", crossing="entered", zones=["7"]).clean()
