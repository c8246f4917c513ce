from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import transaction

from detection.models import Batch
from events import actions, visits
from events.analyzers import Context, Verdict
from events.analyzers.light import Light
from events.analyzers.rules import RulesAnalyzer
from events.context import build_context
from events.loops import loops
from events.models import Event, Habit, Judgement
from hsi.db import clock
from hsi.errors import AIServiceAnswerError, AIServiceUnavailableError
from hsi.models import DeadLetter, QueueJob, StreamMessage
from hsi.queues import ANALYSIS_QUEUE, FAST_PATH_QUEUE, get_queue
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


class Judge:
    """An analyser that answers what the test tells it to."""

    name = "judge"
    answer: Verdict | Exception
    calls = 0

    def judge(self, context: Context) -> Verdict:
        Judge.calls += 1
        if isinstance(Judge.answer, Exception):
            raise Judge.answer
        return Judge.answer

    def check(self) -> str:
        return "well"

    def close(self) -> None: ...


VERDICT = Verdict(72, "high", "A person tries the door.", "At night, alone.", "llm", "Look outside.", "tiny")


@pytest.fixture(autouse=True)
def judge(settings, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: factories.NOW + timedelta(seconds=5))  # no visit is over
    settings.ANALYZER = f"{__name__}.Judge"
    Judge.answer, Judge.calls = VERDICT, 0


def seen(state: str = Batch.State.CLOSED, **values) -> Batch:
    batch = factories.batch(state=state, detection_count=2, upload_count=1, **values)
    upload = factories.upload(batch.camera)
    factories.detection(upload, batch)
    factories.detection(upload, batch, label="dog", confidence=0.6)
    return batch


def analyse(*batches: Batch) -> None:
    for batch in batches:
        get_queue(ANALYSIS_QUEUE).put(batch.pk)
    QueueJob.objects.update(due_at=0)
    _fast, analysis = loops()
    analysis.run(once=True)


def tell(batch: Batch) -> None:
    get_queue(FAST_PATH_QUEUE).put(batch.pk)
    fast, _analysis = loops()
    fast.run(once=True)


def messages() -> list[tuple[str, str | None, str]]:
    return [(m.type, m.data["risk_source"], m.data["analysis"]) for m in StreamMessage.objects.order_by("seq")]


def test_a_batch_becomes_one_judged_event():
    batch = seen()
    analyse(batch)
    event = Event.objects.get()
    batch.refresh_from_db()
    assert batch.state == Batch.State.ANALYSED
    assert (event.risk_score, event.risk_level, event.risk_source, event.analysis) == (72, "high", "llm", "done")
    assert (event.summary, event.recommended_action, event.model) == (VERDICT.summary, "Look outside.", "tiny")
    assert (event.labels, event.detection_count) == (["dog", "person"], 2)
    assert messages() == [("event.created", "llm", "done")]
    assert not QueueJob.objects.exists()


def test_a_job_that_comes_twice_is_dropped_the_second_time():
    batch = seen()
    analyse(batch)
    analyse(batch)
    assert (Event.objects.count(), Judge.calls, len(messages())) == (1, 1, 1)
    assert not QueueJob.objects.exists()


def test_a_job_of_a_batch_that_is_gone_is_dropped():
    get_queue(ANALYSIS_QUEUE).put(999)
    loops()[1].run(once=True)
    assert not QueueJob.objects.exists()


def test_the_language_model_away_gives_a_rule_score_now_and_its_verdict_later():
    batch = seen()
    Judge.answer = AIServiceUnavailableError("refused")
    analyse(batch)
    early = Event.objects.get()
    assert (early.risk_source, early.analysis) == ("rules", "pending")
    assert early.risk_score is not None
    analyse(batch)  # still away: told once
    Judge.answer = VERDICT
    analyse(batch)
    late = Event.objects.get()
    assert late.pk == early.pk
    assert (late.risk_source, late.analysis, late.risk_score) == ("llm", "done", 72)
    assert messages() == [("event.created", "rules", "pending"), ("event.updated", "llm", "done")]


def test_a_judgement_that_cannot_be_had_is_a_failure_that_shows(settings):
    settings.JOB_MAX_ATTEMPTS = 2
    batch = seen()
    Judge.answer = AIServiceAnswerError("prose", body="I think")
    analyse(batch)
    analyse(batch)
    event = Event.objects.get()
    batch.refresh_from_db()
    assert (event.risk_source, event.analysis, batch.state) == ("rules", "failed", Batch.State.DEAD)
    assert DeadLetter.objects.get().response_body == "I think"
    assert [kind for kind, _, _ in messages()] == ["event.created", "event.updated"]


def test_the_fast_path_tells_an_open_batch_at_once_and_the_judgement_updates_the_same_event():
    batch = seen(Batch.State.OPEN, is_fast_path=True)
    tell(batch)
    early = Event.objects.get()
    assert (early.is_fast_path, early.risk_source, early.analysis) == (True, "rules", "pending")
    Batch.objects.filter(pk=batch.pk).update(state=Batch.State.CLOSED, closed_at=factories.NOW)
    analyse(batch)
    assert Event.objects.get().pk == early.pk
    assert messages() == [("event.created", "rules", "pending"), ("event.updated", "llm", "done")]


def test_an_early_telling_that_comes_late_changes_nothing():
    batch = seen(is_fast_path=True)
    analyse(batch)
    tell(batch)
    event = Event.objects.get()
    assert (event.risk_source, event.analysis) == ("llm", "done")
    assert len(messages()) == 1


def test_with_rules_as_the_analyser_the_rule_score_is_the_judgement(settings):
    settings.ANALYZER = "rules"
    analyse(seen())
    event = Event.objects.get()
    assert (event.risk_source, event.analysis) == ("rules", "done")


def test_the_context_tells_local_time_and_earlier_events_and_nothing_of_other_cameras(django_assert_num_queries):
    camera = factories.camera("door", name="Front door", time_zone="Europe/Berlin")
    factories.event(camera, started_at=factories.NOW - timedelta(hours=1), summary="A cat.")
    other = factories.camera("drive", name="Driveway")
    factories.event(other, started_at=factories.NOW - timedelta(minutes=1), summary="A van.")
    factories.detection(factories.upload(other, captured_at=factories.NOW - timedelta(seconds=30)), label="car")
    batch = factories.batch(camera, state=Batch.State.CLOSED, detection_count=1, upload_count=1)
    factories.detection(factories.upload(camera), batch)
    batch = Batch.objects.select_related("camera").get(pk=batch.pk)
    with django_assert_num_queries(3):
        context = build_context(visits.Visit(batch, (batch,), ()))
    assert context.started_at.isoformat() == "2026-03-01T13:00:00+01:00"
    assert not any(word in repr(context).lower() for word in ("drive", "car'", "van"))
    assert [one.label for one in context.seen] == ["person"]
    assert [one.summary for one in context.earlier] == ["A cat."]


def test_a_judgement_leaves_what_a_person_said_meanwhile():
    batch = seen(is_fast_path=True)
    tell(batch)
    Event.objects.update(reviewed=True, notes="the postman", kept=True)
    analyse(batch)
    event = Event.objects.get()
    assert (event.risk_source, event.reviewed, event.notes, event.kept) == ("llm", True, "the postman", True)


def test_what_was_asked_and_answered_is_kept_with_the_event_the_newest_few_of_it():
    batch = seen()
    for number in range(Judgement.KEPT + 2):
        Judge.answer = replace(VERDICT, prompt=f"question {number}", answer=f"answer {number}", corrections=("cut",))
        analyse(batch)
        reanalysis_waits(batch)
    kept = Judgement.objects.order_by("-id")
    assert [one.prompt for one in kept] == [f"question {number}" for number in range(6, 1, -1)]
    newest = kept[0]
    assert (newest.risk_score, newest.risk_source, newest.model, newest.answer) == (72, "llm", "tiny", "answer 6")
    assert newest.corrections == ["cut"]
    assert newest.duration_seconds is not None
    Event.objects.all().delete()
    assert not Judgement.objects.exists()


def test_a_telling_by_rules_is_no_judgement():
    tell(seen(Batch.State.OPEN))
    assert Event.objects.exists()
    assert not Judgement.objects.exists()


def reanalysis_waits(batch: Batch) -> None:
    with transaction.atomic():
        actions.request_reanalysis(Event.objects.get(batches=batch))


def test_a_habit_lowers_the_score_of_the_same_visit_and_belongs_to_its_event(settings):
    settings.ANALYZER = "rules"
    camera = factories.camera(place="driveway")
    scores = []
    for days in (2, 1, 0):
        at = factories.NOW - timedelta(days=days)
        analyse(seen(camera=camera, started_at=at, ended_at=at))
        scores.append(Event.objects.latest("pk").risk_score or 0)
    assert scores[0] > scores[1] > scores[2]
    assert Habit.objects.filter(camera=camera, label_group="person").count() == 3
    Event.objects.all().delete()
    assert not Habit.objects.exists()


def test_a_context_has_the_place_the_zones_the_light_and_the_habits():
    camera = factories.camera(place="entrance", time_zone="Europe/Berlin")
    factories.zone(camera, id="lawn", kind="private")
    factories.zone(camera, id="bin", kind="")
    at = datetime(2026, 3, 1, 22, 59, 50, tzinfo=camera.zone)
    batch = factories.batch(camera, started_at=at, ended_at=at + timedelta(seconds=20))
    for zones in (["lawn", "bin"], ["deleted"], []):
        factories.detection(factories.upload(camera, captured_at=at), batch, zones=zones)
    yesterday = factories.event(camera, started_at=at - timedelta(days=1))
    factories.habit(yesterday, zone_kind="private")
    context = build_context(visits.Visit(batch, (batch,), ()))
    assert [one.zone_kinds for one in context.seen] == [("private", ""), (), ()]
    assert (context.place, context.light, context.habits) == ("entrance", Light.NIGHT, {("private", "person"): 1})


def test_each_judgement_follows_the_objects_and_rules_may_ask_what_they_did():
    batch = seen()
    camera, zone = batch.camera, factories.zone(batch.camera)
    rule = factories.rule(labels=["person"], zones=[zone.pk], min_stay_seconds=20)
    analyse(batch)
    event = Event.objects.get()
    assert sorted(event.tracks.values_list("number", "label")) == [(1, "person"), (2, "dog")]
    assert not event.alerts.exists()
    for second in (5, 30):
        upload = factories.upload(camera, captured_at=factories.NOW + timedelta(seconds=second))
        factories.detection(upload, batch, zones=[zone.pk])
    reanalysis_waits(batch)
    analyse(batch)
    event.refresh_from_db()
    assert (event.people_at_once, event.tracks.get(label="person").zones[0]["seconds"]) == (1, 25)
    assert event.alerts.get().rule == rule


def test_the_sentence_says_where_a_person_came_from_stayed_and_left():
    camera = factories.camera(name="Front door", place="entrance")
    factories.zone(camera, id="porch", name="Porch")
    batch = factories.batch(camera, ended_at=factories.NOW + timedelta(seconds=20))
    for second, x in enumerate((0.0, 0.1, 0.2, 0.3, 0.4, 0.4, 0.4, 0.4, 0.5, 0.6, 0.8)):
        upload = factories.upload(camera, captured_at=factories.NOW + timedelta(seconds=2 * second))
        factories.detection(upload, batch, x=x, zones=["porch"] if x == 0.4 else [])
    verdict = RulesAnalyzer().judge(build_context(visits.Visit(batch, (batch,), ())))
    assert verdict.summary.endswith(
        "at the entrance for 20 seconds; came from the left, stayed 20 s, 6 s at Porch, left to the right"
    )
