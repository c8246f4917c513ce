from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from events.analyzers import Context, Seen
from events.analyzers.rules import RulesAnalyzer
from events.severity import level_of
from tests.events.analyzers.contexts import EVENING, NOON, context, seen

JUDGE = RulesAnalyzer().judge

LABELS = st.sampled_from(["person", "car", "dog", "knife", "backpack", "a new label", ""])
SEEN = st.builds(seen, LABELS, st.floats(0, 1), st.integers(0, 90), upload_id=st.sampled_from(["1", "2"]))


def test_a_person_by_night_is_high_and_the_sentence_reads_well() -> None:
    verdict = JUDGE(context(*[seen(second=second) for second in (0, 2, 4, 6)]))
    assert verdict.risk_level == "high"
    assert verdict.summary == "A person at Front door at 23:12, seen in 4 pictures"
    assert verdict.source == "rules"
    assert verdict.reasoning == "Score by rules: person at 90% +43; night (23:12) +17; seen 4 times +4. Total 64."


def test_a_person_by_day_is_medium_and_a_cat_is_low() -> None:
    assert JUDGE(context(seen(start=NOON), start=NOON)).risk_level == "medium"
    assert JUDGE(context(seen("cat", 0.99))).risk_level == "low"


def test_several_people_who_stay_at_night_are_critical() -> None:
    group = [seen(second=second) for second in (0, 0, 0, 70)]
    verdict = JUDGE(context(*group))
    assert verdict.risk_level == "critical"
    assert verdict.summary == "3 people at Front door at 23:12, seen in 2 pictures"
    assert "3 people in one picture +16" in verdict.reasoning
    assert "over 70 seconds +10" in verdict.reasoning


def test_two_pictures_of_one_second_are_not_taken_for_two_people() -> None:
    verdict = JUDGE(context(seen(upload_id="1"), seen(upload_id="2")))
    assert verdict.summary.startswith("A person at Front door")
    assert "people in one picture" not in verdict.reasoning


def test_nothing_detected_is_said_and_scores_nothing() -> None:
    verdict = JUDGE(replace(context(), seen=()))
    assert (verdict.risk_score, verdict.risk_level) == (0, "low")
    assert verdict.summary == "Nothing was detected at Front door at 23:12"


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (["person", "car"], "A person and a car"),
        (["car", "car", "person"], "A person and 2 cars"),
        (["airplane"], "An airplane"),
        (["bus", "bus"], "2 buses"),
        (["sheep"], "Sheep"),
        (["a", "b", "c", "d"], "An a, a b, a c and more"),
        (["\x00"], "Something"),
    ],
)
def test_the_sentence_counts_and_lists_what_was_in_one_picture(labels: list[str], sentence: str) -> None:
    assert JUDGE(context(*map(seen, labels))).summary == f"{sentence} at Front door at 23:12, seen in 1 picture"


def test_a_hostile_camera_name_stays_one_short_line() -> None:
    summary = JUDGE(context(camera_name="x\n\x1b[0m" * 200)).summary
    assert len(summary) < 200
    assert summary.isprintable()


@tries(max_examples=60, deadline=None)
@given(st.lists(SEEN, min_size=1, max_size=12))
def test_the_same_batch_always_gets_the_same_score_with_the_level_of_it(found: list[Seen]) -> None:
    first, second = JUDGE(context(*found)), JUDGE(context(*found))
    assert first == second
    assert 0 <= first.risk_score <= 100
    assert first.risk_level == level_of(first.risk_score)


@tries(max_examples=60, deadline=None)
@given(st.lists(SEEN, min_size=1, max_size=12))
def test_the_parts_listed_add_up_to_the_score(found: list[Seen]) -> None:
    verdict = JUDGE(context(*found))
    parts = [int(number) for number in re.findall(r" \+(\d+)", verdict.reasoning)]
    assert min(sum(parts), 100) == verdict.risk_score
    assert f"Total {sum(parts)}" in verdict.reasoning


@tries(max_examples=60, deadline=None)
@given(st.lists(SEEN, min_size=1, max_size=12), SEEN)
def test_one_more_sighting_never_lowers_the_score(found: list[Seen], more: Seen) -> None:
    assert JUDGE(context(*found, more)).risk_score >= JUDGE(context(*found)).risk_score


@tries(max_examples=60, deadline=None)
@given(st.lists(SEEN, min_size=1, max_size=12), st.floats(0, 1))
def test_a_surer_sighting_never_lowers_the_score(found: list[Seen], confidence: float) -> None:
    surer = replace(found[0], confidence=max(confidence, found[0].confidence))
    assert JUDGE(context(surer, *found[1:])).risk_score >= JUDGE(context(*found)).risk_score


def _at(batch: Context, hour: int) -> Context:
    """The same batch, moved to an hour of the day."""
    by = EVENING.replace(hour=hour, minute=0, second=0) - batch.started_at
    moved = tuple(replace(one, captured_at=one.captured_at + by) for one in batch.seen)
    return replace(batch, started_at=batch.started_at + by, ended_at=batch.ended_at + by, seen=moved)


@tries(max_examples=60, deadline=None)
@given(st.lists(SEEN, min_size=1, max_size=12), st.integers(22, 29), st.integers(6, 20))
def test_the_same_batch_at_night_never_scores_lower_than_by_day(found: list[Seen], night: int, day: int) -> None:
    batch = context(*found)
    assert JUDGE(_at(batch, night % 24)).risk_score >= JUDGE(_at(batch, day)).risk_score


def test_a_batch_that_runs_into_the_night_counts_as_night() -> None:
    late = EVENING.replace(hour=21, minute=59, second=30)
    batch = context(seen(start=late), start=late)
    assert JUDGE(replace(batch, ended_at=late + timedelta(seconds=60))).risk_score > JUDGE(batch).risk_score
