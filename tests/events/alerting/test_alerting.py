"""From an event to its alerts and deliveries, in the event's transaction."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any
from unittest import mock

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from detection.models import Batch
from events import visits
from events.alerting.evaluate import open_window
from events.analyzers import Verdict
from events.analyzers.rules import RulesAnalyzer
from events.models import Alert, AlertRule, Delivery, Event
from events.pipeline import Judged, save_early_score, save_final_score
from hsi.models import StreamMessage
from tests import factories

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("webhooks_to_here")]

EARLY = Verdict(55, "medium", "A person.", "", "rules", "", "")
JUDGED = Verdict(90, "critical", "A person tries the door.", "", "llm", "", "tiny")


def batch(**values: Any) -> Batch:
    made = factories.batch(state=Batch.State.CLOSED, detection_count=1, **values)
    factories.detection(factories.upload(made.camera), made)
    return made


def told(of: Batch, *verdicts: Verdict) -> None:
    for verdict in verdicts:
        with transaction.atomic():
            if verdict.source == "llm":
                save_final_score(visits.find(of, for_update=True), Judged(verdict, EARLY, of.detection_count))
            else:
                score_early(of, verdict)


def score_early(of: Batch, verdict: Verdict) -> None:
    with mock.patch.object(RulesAnalyzer, "judge", return_value=verdict):
        save_early_score(of)


def messages() -> list[tuple[str, str]]:
    told = StreamMessage.objects.filter(type__startswith="alert").order_by("seq")
    return [(message.type, message.data["severity"]) for message in told]


def deliveries() -> list[tuple[str, str]]:
    return list(Delivery.objects.order_by("pk").values_list("stage", "state"))


def test_an_event_that_matches_makes_one_alert_with_its_deliveries_and_its_message():
    rule = factories.rule(factories.channel(), severity="medium")
    factories.rule(factories.channel(), severity="critical")
    told(batch(), EARLY)
    alert = Alert.objects.get()
    assert (alert.rule, alert.severity, alert.status) == (rule, "medium", "open")
    assert deliveries() == [("first", "pending")]
    assert messages() == [("alert.created", "medium")]


def test_without_a_rule_an_event_costs_one_query_more():
    factories.rule(enabled=False)
    one = batch()
    with CaptureQueriesContext(connection) as asked, transaction.atomic():
        score_early(one, EARLY)
    assert [query["sql"] for query in asked if "_alert" in query["sql"]].__len__() == 1


def test_the_judgement_updates_the_alert_and_is_told_to_who_was_told_before():
    severe = factories.channel(min_severity="critical")
    factories.rule(factories.channel(), severe, severity="medium")
    one = batch()
    told(one, EARLY)
    Delivery.objects.update(state="sent", due_at=None, sent_at=timezone.now())
    told(one, JUDGED)
    assert Alert.objects.get().severity == "critical"
    assert sorted(deliveries()) == [("first", "pending"), ("first", "sent"), ("update", "pending")]
    assert Delivery.objects.get(channel=severe).stage == "first"  # the judgement is the first it hears
    assert messages() == [("alert.created", "medium"), ("alert.updated", "critical")]


def test_a_first_telling_that_still_waits_tells_the_judgement_and_no_update_follows():
    factories.rule(factories.channel())
    one = batch()
    told(one, EARLY, JUDGED)
    assert deliveries() == [("first", "pending")]


def test_a_first_telling_in_hand_is_followed_by_the_update():
    factories.rule(factories.channel())
    one = batch()
    told(one, EARLY)
    Delivery.objects.update(lease="somebody")
    told(one, JUDGED)
    assert deliveries() == [("first", "pending"), ("update", "pending")]


def test_a_judgement_may_match_what_the_early_score_did_not():
    factories.rule(severity="critical")
    one = batch()
    told(one, EARLY)
    assert not Alert.objects.exists()
    told(one, JUDGED)
    assert messages() == [("alert.created", "critical")]


def test_nothing_is_made_when_the_event_is_rolled_back():
    factories.rule(factories.channel())
    with transaction.atomic():
        score_early(batch(), EARLY)
        transaction.set_rollback(True)
    assert not Event.objects.exists()
    assert not Alert.objects.exists()
    assert not Delivery.objects.exists()


def test_a_cooldown_window_has_one_alert_for_its_key():
    camera = factories.camera()
    factories.rule(cooldown_seconds=300)
    for _ in range(3):
        told(batch(camera=camera), EARLY)
    told(batch(), EARLY)  # another camera has another key
    assert sorted(Alert.objects.values_list("camera_id", flat=True).distinct()) == sorted(
        Alert.objects.values_list("camera_id", flat=True)
    )
    assert Alert.objects.count() == 2


@pytest.mark.parametrize(("level", "passes"), [("low", False), ("medium", False), ("high", True), ("critical", True)])
def test_a_cooldown_lets_a_higher_level_through_and_names_the_alert_that_holds_others_back(level: str, passes: bool):
    camera = factories.camera()
    factories.rule(cooldown_seconds=300)
    told(batch(camera=camera), replace(EARLY, risk_level="medium"))
    holder = Alert.objects.get()
    second = batch(camera=camera)
    told(second, replace(EARLY, risk_level=level))
    assert Alert.objects.count() == 1 + passes
    assert Event.objects.get(batches=second).held_back_by == ([] if passes else [holder.pk])
    if passes:
        told(batch(camera=camera), replace(EARLY, risk_level=level))
        assert Alert.objects.count() == 2


def test_an_alert_that_rises_holds_back_others_of_its_new_level():
    camera = factories.camera()
    factories.rule(cooldown_seconds=300)
    first = batch(camera=camera)
    told(first, EARLY, JUDGED)
    told(batch(camera=camera), replace(EARLY, risk_level=JUDGED.risk_level))
    assert Alert.objects.count() == 1


def test_an_alert_of_another_camera_that_holds_one_back_is_not_named():
    factories.rule(cooldown_seconds=300, dedup_key="all")
    told(batch(), EARLY)
    second = batch()
    told(second, EARLY)
    assert Event.objects.get(batches=second).held_back_by == [None]
    AlertRule.objects.all().delete()
    told(second, JUDGED)
    assert Event.objects.get(batches=second).held_back_by == []


def test_after_its_window_a_rule_alerts_again():
    rule, now = factories.rule(cooldown_seconds=300), timezone.now()
    times = [now + timedelta(seconds=seconds) for seconds in (0, 299, 300, 301, 600)]
    windows = [open_window(rule, "door", at, level=0) for at in times]
    assert windows == [1, None, 2, None, 3]


def test_a_clock_that_was_set_back_does_not_silence_a_rule():
    rule, now = factories.rule(cooldown_seconds=300), timezone.now()
    assert open_window(rule, "door", now, level=0) == 1
    assert open_window(rule, "door", now - timedelta(hours=1), level=0) == 2


def test_of_many_analysers_at_once_one_begins_the_window():
    rule, now, start = factories.rule(cooldown_seconds=300), timezone.now(), Barrier(4)

    def begin(_: int) -> int | None:
        try:
            start.wait(10)
            with transaction.atomic():
                return open_window(rule, "door", now, level=0)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(begin, range(4)), key=str) == [1, None, None, None]


def test_a_camera_that_is_silenced_makes_no_alert_and_sends_no_update():
    factories.rule(factories.channel())
    one = batch()
    told(one, EARLY)
    Delivery.objects.update(state="sent", due_at=None)
    Event.objects.update(snooze_until=timezone.now() + timedelta(hours=1))
    told(one, JUDGED)
    told(batch(camera=one.camera), EARLY)
    assert Alert.objects.count() == 1
    assert deliveries() == [("first", "sent")]
    assert messages()[-1] == ("alert.updated", "critical")


def test_a_dismissed_alert_follows_its_event_and_sends_no_more():
    factories.rule(factories.channel())
    one = batch()
    told(one, EARLY)
    Delivery.objects.update(state="sent", due_at=None)
    Alert.objects.update(status=Alert.Status.DISMISSED)
    told(one, JUDGED)
    assert deliveries() == [("first", "sent")]
    assert Alert.objects.get().severity == "critical"


def test_with_notifications_switched_off_alerts_are_made_and_nothing_is_to_be_sent(settings: Any):
    settings.NOTIFICATION_ENABLED = False
    factories.rule(factories.channel())
    told(batch(), EARLY)
    assert Alert.objects.count() == 1
    assert not Delivery.objects.exists()


def test_alerts_outlive_their_rule_and_go_with_their_event():
    factories.rule(factories.channel())
    one = batch()
    told(one, EARLY)
    AlertRule.objects.all().delete()
    assert Alert.objects.get().rule is None
    Event.objects.all().delete()
    assert not Alert.objects.exists()
    assert not Delivery.objects.exists()
