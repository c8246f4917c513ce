"""The page of an event: what it shows to whom, what it lets a person do, and what that costs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cameras.models import CameraGrant
from detection.models import Batch
from events.models import Alert, Event, EventFeedback, Judgement
from hsi.models import AuditEntry, QueueJob, StreamMessage
from hsi.security.roles import Role, set_role
from tests import factories
from tests.factories import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("webhooks_to_here")]

WICKED = "<script>alert(1)</script>"
ACTS: dict[str, dict[str, str]] = {
    "reviewed": {"reviewed": "yes"},
    "feedback": {"verdict": "right"},
    "reanalyse": {},
    "change/": {"notes": "mine"},
}


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(factories.admin("boss"))
    return client


def address(event: Event, end: str = "change/") -> str:
    return f"/admin/events/event/{event.pk}/{end}"


def staff(role: Role, sees: Event | None = None) -> User:
    """Let into the admin with every right on events, in that role."""
    user = factories.user()
    set_role(user, role)
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="events"))
    if sees:
        CameraGrant.objects.create(camera=sees.camera, user=user)
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def with_everything(pictures: int = 1) -> Event:
    event = factories.event(risk_source="llm", model="small", reasoning=WICKED, summary=WICKED)
    for number in range(pictures):
        upload = factories.upload(event.camera, captured_at=NOW + timedelta(seconds=number))
        factories.detection(upload, event.batches.get(), captured_at=upload.captured_at)
        channel = factories.channel(name=f"phone {number}")
        alert = factories.alert(event, rule=factories.rule(channel, name=f"rule {number}"))
        factories.delivery(alert, channel, state="failed", attempts=2, last_error="502 Bad Gateway")
        verdict: dict[str, Any] = {"risk_source": "llm", "risk_score": 70, "risk_level": "high"}
        Judgement.objects.create(event=event, prompt=f"asked of {WICKED}", answer="it said so", **verdict)
        EventFeedback.objects.create(event=event, by=f"ann{number}", verdict="right", comment=WICKED)
        AuditEntry.objects.create(user="ann", action="event_reviewed", object=f"event {event.pk}")
    return event


def test_the_page_shows_what_was_seen_why_it_was_judged_so_and_who_was_told(boss: Client):
    event = with_everything()
    text = boss.get(address(event)).content.decode()
    shown = ("person 90 %", "left: 40.000%", "High risk", "language model", "small", "it said so", "rule 0", "phone 0",
             "502 Bad Gateway", "ann0", f"/admin/about/event/{event.pk}", "event_reviewed")  # fmt: skip
    assert [one for one in shown if one not in text] == []


def test_the_page_says_what_each_object_did(boss: Client):
    event = with_everything(2)
    zone = factories.zone(event.camera, name="Step")
    event.batches.get().detections.update(track=1)
    stay = {"zone": zone.pk, "seconds": 4, "entered_at": None, "left_at": "2026-03-01T12:00:06Z"}
    factories.track(event, zones=[stay])
    factories.track(event, label=WICKED, moved=False, ended_at=NOW)
    text = boss.get(address(event)).content.decode()
    shown = ("person #1 90 %", "came from the left, stayed 10 s, 4 s at Step", "#2</span><span>seen once",
             '<polyline class="casing" points="50.0,80.0 50.0,80.0"/>')  # fmt: skip
    assert [one for one in shown if one not in text] == []
    assert WICKED not in text


def test_nothing_from_outside_is_markup(boss: Client):
    event = with_everything()
    factories.detection(factories.upload(event.camera), event.batches.get(), label=WICKED)
    for page in (address(event), "/admin/events/event/"):
        text = boss.get(page).content.decode()
        assert WICKED not in text
        assert "&lt;script&gt;" in text


def test_the_page_asks_as_often_for_many_pictures_and_tellings_as_for_one(boss: Client):
    asked = []
    for event in (with_everything(), with_everything(5)):
        boss.get(address(event))
        with CaptureQueriesContext(connection) as queries:  # fmt: skip
            assert boss.get(address(event)).status_code == 200
        asked.append([query["sql"] for query in queries])
    assert len(asked[0]) == len(asked[1])
    assert [sql for sql in asked[1] if "COUNT(" in sql and "LIMIT" not in sql] == []


def test_a_score_that_nobody_gave_is_not_shown(boss: Client):
    event = factories.event(analysis="pending", summary="")
    text = boss.get(address(event)).content.decode()
    assert "Not analysed yet" in text
    assert '<p class="score provisional"><b>–</b><small>not analysed</small>' in text  # noqa: RUF001
    rules = factories.event(risk_source="rules")
    assert "score provisional" in boss.get(address(rules)).content.decode()
    model = factories.event(risk_source="llm")
    assert "score provisional" not in boss.get(address(model)).content.decode()


def test_times_are_those_of_the_cameras_clock(boss: Client):
    camera = factories.camera(time_zone="America/New_York")
    event = factories.event(camera, started_at=NOW)
    factories.detection(factories.upload(camera), event.batches.get())
    for page in (address(event), "/admin/events/event/"):
        text = boss.get(page).content.decode()
        assert "07:00:00" in text
        assert "12:00:00<" not in text


@pytest.mark.parametrize("role", list(Role))
def test_who_may_not_see_the_camera_finds_no_event(role: Role):
    event = with_everything()
    client = signed_in(staff(role))
    found = role == Role.ADMIN
    assert (client.get(address(event)).status_code == 200) is found
    for end, sent in ACTS.items():
        answer = client.post(address(event, end), sent)
        if not found:
            assert answer.status_code in (302, 403, 404)
    event.refresh_from_db()
    assert event.reviewed is found
    assert (event.notes == "mine") is found
    assert EventFeedback.objects.exclude(by__startswith="ann").exists() is found


@pytest.mark.parametrize(("role", "may"), [(Role.VIEWER, False), (Role.OPERATOR, True), (Role.ADMIN, True)])
def test_a_viewer_looks_and_an_operator_acts(role: Role, may: bool):
    event = with_everything()
    client = signed_in(staff(role, sees=event))
    assert ("Reviewed, next" in client.get(address(event)).content.decode()) is may
    for end, sent in ACTS.items():
        assert client.post(address(event, end), sent).status_code == (302 if may else 403)
    event.refresh_from_db()
    assert (event.reviewed, event.notes, event.analysis) == ((True, "mine", "pending") if may else (False, "", "done"))


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_what_may_tell_of_other_cameras_is_for_those_who_see_them_all(role: Role):
    event = with_everything()
    text = signed_in(staff(role, sees=event)).get(address(event)).content.decode()
    for secret in ("asked of", "it said so", "502 Bad Gateway", "phone 0", "rule 0", "/admin/about/"):
        assert secret not in text
    assert "An alert" in text


def test_who_may_only_view_events_changes_none():
    event = with_everything()
    user = staff(Role.OPERATOR, sees=event)
    user.user_permissions.set(Permission.objects.filter(codename="view_event"))
    client = signed_in(user)
    assert client.get(address(event)).status_code == 200
    assert [client.post(address(event, end), sent).status_code for end, sent in ACTS.items()] == [403] * len(ACTS)


def test_a_button_takes_a_post_and_an_event_that_is_there(boss: Client):
    event = factories.event()
    for end in ("reviewed", "feedback", "reanalyse"):
        assert boss.get(address(event, end)).status_code == 405
        for pk in (event.pk + 1, 2**63, 10**30):
            assert boss.post(f"/admin/events/event/{pk}/{end}").status_code == 404
    assert boss.get(f"/admin/events/event/{2**63}/change/").status_code == 302


def test_reviewed_and_next_leads_to_the_next_one_that_waits_for_a_look(boss: Client):
    old, done, at_once, newest = (
        factories.event(started_at=NOW - timedelta(minutes=minutes), reviewed=reviewed)
        for minutes, reviewed in ((9, False), (5, True), (3, False), (1, False))
    )
    sent = {"reviewed": "yes", "then": "next"}
    assert boss.post(address(newest, "reviewed"), sent)["Location"] == address(at_once)
    assert boss.post(address(at_once, "reviewed"), sent)["Location"] == address(old)
    assert boss.post(address(old, "reviewed"), sent)["Location"] == "/admin/events/event/"
    assert Event.objects.filter(reviewed=False).count() == 0
    assert boss.post(address(done, "reviewed"), {"reviewed": "no"})["Location"] == address(done)
    done.refresh_from_db()
    assert not done.reviewed


def test_each_thing_a_person_does_is_audited_and_told(boss: Client):
    event = factories.event()
    boss.post(address(event, "reviewed"), {"reviewed": "yes"})
    boss.post(address(event, "feedback"), {"verdict": "false_alarm", "comment": "the cat"})
    boss.post(address(event, "reanalyse"))
    entries = AuditEntry.objects.filter(object=f"event {event.pk}", user="boss").order_by("id")
    assert [entry.action for entry in entries] == ["event_reviewed", "event_feedback", "event_reanalysed"]
    assert entries[1].after == {"verdict": "false_alarm", "comment": "the cat"}
    assert [one.type for one in StreamMessage.objects.order_by("seq")] == ["event.updated", "event.updated"]


def test_judging_again_lets_the_batch_wait_with_one_job_however_often_it_is_asked(boss: Client):
    event = factories.event()
    for _ in range(2):
        assert boss.post(address(event, "reanalyse")).status_code == 302
    event.refresh_from_db()
    assert (event.analysis, event.risk_score) == ("pending", 70)
    assert event.batches.get().state == Batch.State.CLOSED
    assert QueueJob.objects.filter(queue="analysis_queue", row_id=event.batches.get().pk).count() == 1
    assert "The event is waiting for its analysis." in boss.get(address(event)).content.decode()


def test_a_person_has_one_word_on_a_verdict_and_may_change_it(boss: Client):
    event = factories.event()
    for verdict in ("right", "right", "wrong_severity"):
        boss.post(address(event, "feedback"), {"verdict": verdict, "comment": "x"})
    assert EventFeedback.objects.values_list("by", "verdict").get() == ("boss", "wrong_severity")
    assert AuditEntry.objects.filter(action="event_feedback").count() == 2


@pytest.mark.parametrize(
    "sent",
    [{}, {"verdict": "good"}, {"verdict": "right", "comment": "x" * 1001}, {"verdict": "right", "comment": "\0"}],
)
def test_nonsense_is_no_feedback(boss: Client, sent: dict[str, str]):
    assert boss.post(address(factories.event(), "feedback"), sent).status_code == 302
    assert EventFeedback.objects.count() == 0


@pytest.mark.parametrize("sent", [{"notes": "x" * 10_001}, {"notes": "\0"}, {"snooze_until": "soon"}])
def test_a_note_that_cannot_be_kept_is_told_on_the_page(boss: Client, sent: dict[str, str]):
    answer = boss.post(address(factories.event()), sent)
    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()


def test_a_note_a_silence_and_a_wish_to_keep_it_are_stored(boss: Client):
    event = factories.event()
    sent = {"notes": "  the postman\n", "kept": "on", "snooze_until": "2026-03-01T18:30"}
    assert boss.post(address(event), sent)["Location"] == address(event)
    event.refresh_from_db()
    assert (event.notes, event.kept) == ("  the postman\n", True)
    assert event.snooze_until is not None


@pytest.mark.parametrize("frame", ["0", "1", "99", "-1", "x", "9" * 400, "٣"])
def test_any_frame_may_be_asked_for(boss: Client, frame: str):
    event = with_everything(2)
    assert boss.get(address(event), {"frame": frame}).status_code == 200


def test_an_event_whose_pictures_are_gone_and_one_in_the_trash_have_a_page(boss: Client):
    event = factories.event()
    assert "No pictures and no detections are left." in boss.get(address(event)).content.decode()
    Event.objects.filter(pk=event.pk).update(deleted_at=NOW)
    text = boss.get(address(event)).content.decode()
    assert "in the trash" in text
    assert "Reviewed, next" not in text


def test_the_alert_of_a_rule_that_was_deleted_is_still_shown(boss: Client):
    alert = factories.alert()
    Alert.objects.update(rule=None)
    assert "a rule that was deleted" in boss.get(address(alert.event)).content.decode()


def test_what_a_cooldown_holds_back_is_told_with_the_alert_that_does(client: Client):
    client.force_login(factories.admin())
    alert = factories.alert()
    quiet, held = factories.event(), factories.event(held_back_by=[alert.pk, None])
    page = client.get(f"/admin/events/event/{held.pk}/change/").content.decode()
    assert f">alert {alert.pk}</a>." in page
    assert "Held back by the cool-down of an alert of another camera." in page
    assert "No alert: no rule matched" not in page
    assert "No alert: no rule matched" in client.get(f"/admin/events/event/{quiet.pk}/change/").content.decode()
