"""Batches of one visit are one event, whatever the order in which they arrive and are judged."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from cameras.models import Camera
from detection.detectors.labels import group_of
from detection.models import Batch, Detection
from events import visits
from events.analyzers import Verdict
from events.loops import loops
from events.models import Alert, Event, EventBatch
from events.pipeline import Judged, mark_batch_dead, save_early_score, save_final_score
from hsi.db import clock
from hsi.models import QueueJob, StreamMessage
from hsi.queues import FAST_PATH_QUEUE, get_queue
from tests import factories
from tests.judge.visits import TABLE, Shot, Situation, play

pytestmark = pytest.mark.django_db(transaction=True)

VERDICT = Verdict(72, "high", "A person tries the door.", "", "llm", "", "tiny")
RULES = Verdict(40, "medium", "A person.", "", "rules")


def seen(
    camera: Camera, begin: float, end: float, *, state: str = Batch.State.CLOSED, label: str = "person", **values: Any
) -> Batch:
    """A batch of one detection a second, from and to so many seconds after noon."""
    times = [factories.NOW + timedelta(seconds=begin + n) for n in range(int(end - begin) + 1)]
    made = factories.batch(
        camera, state=state, started_at=times[0], ended_at=times[-1], pictures={group_of(label): len(times)},
        detection_count=len(times), upload_count=len(times), **values,
    )  # fmt: skip
    for at in times:
        factories.detection(factories.upload(camera, captured_at=at), made, label=label, captured_at=at)
    return made


def judge(batch: Batch, verdict: Verdict = VERDICT, *, knows: int | None = None) -> Event:
    """Save a judgement of the visit of the batch that knew so many detections, by default all."""
    with transaction.atomic():
        visits.lock(batch.camera_id)
        visit = visits.find(batch, for_update=True)
        save_final_score(visit, Judged(verdict, RULES, visit.detection_count if knows is None else knows))
    return Event.with_trash.get(batches=batch)


def score_early(batch: Batch) -> Event:
    with transaction.atomic():
        save_early_score(batch)
    return Event.with_trash.get(batches=batch)


def spans(camera: Camera) -> list[tuple[float, float]]:
    return [
        ((event.started_at - factories.NOW).total_seconds(), (event.ended_at - factories.NOW).total_seconds())
        for event in Event.objects.filter(camera=camera).order_by("started_at")
    ]


@pytest.mark.parametrize("situation", TABLE, ids=lambda situation: situation.name)
def test_the_visits_table(situation: Situation, settings: Any):
    settings.ANALYZER = "rules"
    events = play(situation)
    assert len(events) in situation.wanted
    assert all(event.ended and event.analysis == "done" for event in events)
    assert all(later.continues_id for later in events[1:] if "35 s" in situation.name)
    counted = Batch.objects.filter(state=Batch.State.ANALYSED).count()
    assert EventBatch.objects.count() == counted


def test_a_person_who_stands_still_for_an_hour_is_never_static_and_notified_once(settings: Any):
    settings.ANALYZER = "rules"
    factories.rule(cooldown_seconds=300)
    standing = [Shot(0, ()), *(Shot(15.0 * number) for number in range(1, 240))]
    events = play(Situation("a person stands", standing, frozenset()))
    assert [event.continues_id for event in events] == [None, *(event.pk for event in events[:-1])]
    assert Detection.objects.filter(ignored="").count() == 239
    assert Alert.objects.count() == 1


def test_a_crowd_is_thinned_and_ends_no_visit(settings: Any):
    settings.ANALYZER, settings.BATCH_MAX_DETECTIONS = "rules", 100
    (crowd,) = (situation for situation in TABLE if "crowd" in situation.name)
    (event,) = play(crowd)
    kept = Detection.objects.filter(ignored="")
    assert event.detection_count == kept.count() == 105 + 18 * 10  # until it is full, and then ten a second
    assert event.people_at_once == 15
    assert Detection.objects.filter(ignored="too_many").count() == 79 * 15 - kept.count()


@pytest.mark.parametrize(
    ("gap", "events"), [(0, 1), (29, 1), (30, 1), (31, 2), (59, 2), (61, 2)], ids=lambda value: str(value)
)
def test_a_batch_extends_the_event_that_ended_at_most_the_idle_time_before(gap: int, events: int):
    camera = factories.camera()
    first = judge(seen(camera, 0, 10))
    second = judge(seen(camera, 10 + gap, 20 + gap))
    assert (second.pk == first.pk) == (events == 1)
    assert second.continues_id == (first.pk if 30 < gap <= 60 else None)


def test_a_batch_of_another_group_or_camera_is_another_event():
    camera = factories.camera()
    person = judge(seen(camera, 0, 10))
    car = judge(seen(camera, 12, 20, label="car"))
    assert car.pk != person.pk
    assert judge(seen(factories.camera(), 12, 20)).pk != person.pk
    assert judge(seen(camera, 22, 30, label="truck")).pk == car.pk  # a detector often confuses them


def test_a_visit_has_a_longest_duration_and_the_next_event_continues_it(settings: Any):
    settings.VISIT_MAX_SECONDS = 100
    camera = factories.camera()
    first = judge(seen(camera, 0, 60))
    assert judge(seen(camera, 61, 100)).pk == first.pk
    second = judge(seen(camera, 101, 110))
    assert (second.pk != first.pk, second.continues_id) == (True, first.pk)
    assert spans(camera) == [(0, 100), (101, 110)]


def test_a_late_batch_between_two_events_merges_them_and_their_alerts_follow():
    camera = factories.camera()
    factories.rule(name="shared", cooldown_seconds=0)
    first = judge(seen(camera, 0, 10))
    factories.rule(name="later", cooldown_seconds=0)
    second = judge(seen(camera, 50, 60))
    Event.objects.filter(pk=second.pk).update(notes="the gardener", kept=True, reviewed=True)
    third = judge(seen(camera, 25, 35))
    assert third.pk == first.pk
    assert spans(camera) == [(0, 60)]
    assert (third.notes, third.kept, third.reviewed, third.detection_count) == ("the gardener", True, False, 33)
    assert sorted(Alert.objects.filter(event=first).values_list("rule__name", flat=True)) == ["later", "shared"]
    gone = Event.with_trash.get(pk=second.pk)
    assert (gone.merged_into_id, gone.deleted_at is not None) == (first.pk, True)
    deleted = StreamMessage.objects.get(type="event.deleted")
    assert deleted.data == {"id": second.pk, "camera": camera.pk, "reason": "merged", "merged_into": first.pk}
    assert EventBatch.objects.filter(event=first).count() == 3


def test_events_that_would_be_too_long_together_are_not_merged(settings: Any):
    settings.VISIT_MAX_SECONDS = 50
    camera = factories.camera()
    judge(seen(camera, 0, 10))
    judge(seen(camera, 50, 60))
    judge(seen(camera, 25, 30))
    assert spans(camera) in ([(0, 30), (50, 60)], [(0, 10), (25, 60)])


def test_an_event_in_the_trash_is_not_extended():
    camera = factories.camera()
    first = judge(seen(camera, 0, 10))
    Event.objects.update(deleted_at=factories.NOW)
    assert judge(seen(camera, 12, 20)).pk != first.pk


def test_passers_by_are_not_reported_early_and_one_who_comes_nearer_is_no_passer_by():
    camera = factories.camera(place="street")
    path = factories.zone(camera, kind="entrance")
    digest = judge(seen(camera, 0, 10))
    assert digest.is_digest
    due_at = clock.now() + timedelta(seconds=30)
    batch = seen(camera, 300, 310, state=Batch.State.OPEN, is_fast_path=True, due_at=due_at)
    get_queue(FAST_PATH_QUEUE).put(batch.pk)
    loops()[0].run(once=True)
    assert not Event.objects.filter(batches=batch).exists()
    assert QueueJob.objects.filter(queue=FAST_PATH_QUEUE).count() == 1
    factories.detection(factories.upload(camera), batch, zones=[path.pk])
    QueueJob.objects.update(due_at=0)
    loops()[0].run(once=True)
    visit = Event.objects.get(batches=batch)
    assert (visit.is_digest, visit.pk != digest.pk) == (False, True)
    assert judge(seen(camera, 600, 605)).pk == digest.pk


def test_a_batch_of_passers_by_that_is_overdue_is_left_to_its_closing():
    batch = seen(factories.camera(place="street"), 0, 5, state=Batch.State.OPEN, is_fast_path=True)
    get_queue(FAST_PATH_QUEUE).put(batch.pk)
    loops()[0].run(drain=True)
    assert not QueueJob.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("place", "kinds", "is_digest"),
    [
        ("street", [], True), ("street", ["street"], True), ("street", ["entrance"], False), ("", ["street"], True),
        ("", [], False), ("driveway", ["street"], True), ("driveway", [], False),
        ("street", ["private", "street"], False),
    ],
)  # fmt: skip
def test_a_digest_has_only_what_stays_on_the_street(place: str, kinds: list[str], is_digest: bool):
    camera = factories.camera(place=place)
    zones = [factories.zone(camera, kind=kind).pk for kind in kinds]
    batch = seen(camera, 0, 3)
    batch.detections.update(zones=zones)
    assert visits.is_passing_by(batch) is is_digest
    Batch.objects.filter(pk=batch.pk).update(pictures={"weapon": 2})
    batch.refresh_from_db()
    assert not visits.is_passing_by(batch)


def test_an_event_waits_until_each_of_its_batches_is_judged():
    camera = factories.camera()
    judge(seen(camera, 0, 10))
    second = seen(camera, 12, 20, state=Batch.State.OPEN, is_fast_path=True)
    event = score_early(second)
    assert (event.analysis, event.risk_source, event.risk_score) == ("pending", "llm", 72)
    Batch.objects.filter(pk=second.pk).update(state=Batch.State.CLOSED, closed_at=factories.NOW)
    assert judge(second).analysis == "done"


def test_a_judgement_that_knew_less_neither_ends_the_waiting_nor_replaces_one_that_knew_more():
    camera = factories.camera()
    first, second = seen(camera, 0, 10), seen(camera, 12, 20)
    score_early(first)
    score_early(second)
    third = seen(camera, 22, 30)
    score_early(third)
    more = judge(second, Verdict(80, "high", "Knows two.", "", "llm"), knows=20)
    assert (more.summary, more.analysis) == ("Knows two.", "pending")
    less = judge(first, Verdict(10, "low", "Knows one.", "", "llm"), knows=11)
    assert (less.summary, less.analysis) == ("Knows two.", "pending")
    every = judge(third, Verdict(60, "high", "Knows all.", "", "llm"))
    assert (every.summary, every.analysis, every.judged_detection_count) == ("Knows all.", "done", 29)


def test_the_rules_replace_a_judgement_early_only_when_they_see_a_higher_level():
    camera = factories.camera()
    calm = judge(seen(camera, 0, 10), Verdict(5, "low", "The postman.", "", "llm"))
    Event.objects.filter(pk=calm.pk).update(rule_score=5)
    event = score_early(seen(camera, 12, 20, state=Batch.State.OPEN))
    assert (event.risk_source, event.analysis, event.detection_count) == ("rules", "pending", 20)
    assert event.risk_level != "low"


def test_an_event_fails_only_when_none_of_its_batches_waits():
    camera = factories.camera()
    first, second = seen(camera, 0, 10), seen(camera, 12, 20)
    score_early(first)
    event = score_early(second)
    for batch, analysis in ((first, "pending"), (second, "failed")):
        with transaction.atomic():
            mark_batch_dead(batch.pk, "refused")
        event.refresh_from_db()
        assert event.analysis == analysis


def test_a_visit_ends_after_the_idle_time_without_an_open_batch_that_may_extend_it(settings: Any):
    camera = factories.camera()
    batch = seen(camera, 0, 10, state=Batch.State.OPEN)
    event = score_early(batch)
    Event.objects.update(ended=False)
    late = factories.NOW + timedelta(seconds=41)
    assert visits.end_due(late) == 0
    Batch.objects.update(state=Batch.State.CLOSED, closed_at=late)
    assert visits.end_due(factories.NOW + timedelta(seconds=39)) == 0
    assert visits.end_due(late) == 1
    assert visits.end_due(late) == 0
    event.refresh_from_db()
    assert event.ended
    assert StreamMessage.objects.latest("seq").data["ended"] is True


def test_a_visitor_who_stays_is_notified_once(settings: Any):
    settings.VISIT_MAX_SECONDS = 60
    camera = factories.camera()
    factories.rule(cooldown_seconds=0)
    for begin in range(0, 600, 60):
        judge(seen(camera, begin, begin + 59))
    assert Event.objects.count() == 10
    alert = Alert.objects.get()
    assert Event.objects.latest("started_at").held_back_by == [alert.pk]
    judge(seen(camera, 600, 630), Verdict(95, "critical", "A person breaks in.", "", "llm"))
    assert Alert.objects.count() == 2
