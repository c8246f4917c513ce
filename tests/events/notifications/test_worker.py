"""Deliveries on their way to a real HTTP server."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import Client

from events.models import Alert, Delivery, Event, NotificationChannel
from events.notifications import channels, deliveries
from events.notifications.channels import NotSentError
from events.notifications.content import Notification
from events.notifications.worker import Notifier, retry_delay_seconds
from hsi.errors import HSIError
from hsi.models import AuditEntry, LatencyBucket
from hsi.outbound.safe_http import OutgoingFailedError
from tests import factories
from tests.engines.environment import ROOT
from tests.peers.webhook import WebhookPeer

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "a secret of the test"


@pytest.fixture
def receiver(settings: Any) -> Iterator[WebhookPeer]:
    with WebhookPeer() as peer:
        settings.WEBHOOK_ALLOWED_HOSTS = [peer.host]
        yield peer


@pytest.fixture
def alert(receiver: WebhookPeer) -> Alert:
    """Waits to be told to `receiver`."""
    rule = factories.rule(factories.channel(url=receiver.url, secret=SECRET))
    made = factories.alert(factories.event(risk_score=70, risk_level="high"), rule=rule)
    with transaction.atomic():
        deliveries.put(made, update=False)
    return made


def is_genuine_as_documented(secret: str, body: bytes, header: str) -> bool:
    """By the code that the page of alerts shows to whoever writes a receiver."""
    page = (ROOT / "docs" / "alerts.md").read_text()
    names: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], names)
    return bool(names["is_genuine"](secret, body, header))


def judged(alert: Alert, **values: Any) -> None:
    """The event is judged anew, and whoever was told of its alert is to hear of it."""
    Event.objects.filter(pk=alert.event_id).update(**values)
    alert.event.refresh_from_db()
    with transaction.atomic():
        deliveries.put(alert, update=True)


def work() -> None:
    call_command("runworker", "notifications", once=True)


def test_a_delivery_is_signed_sent_and_recorded_once(receiver: WebhookPeer, alert: Alert) -> None:
    work()
    work()
    [post] = receiver.posts
    signature = "sha256=" + hmac.new(SECRET.encode(), post.body, "sha256").hexdigest()
    assert post.headers["X-HSI-Signature"] == signature
    assert is_genuine_as_documented(SECRET, post.body, signature)
    assert not is_genuine_as_documented(SECRET, post.body + b" ", signature)
    assert post.json["type"] == "alert.created"
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.lease, delivery.due_at) == ("sent", 1, "", None)


def test_the_update_has_the_id_of_the_first(receiver: WebhookPeer, alert: Alert) -> None:
    work()
    judged(alert, summary="A neighbour waters the flowers.")
    work()
    assert [one["type"] for one in receiver.told] == ["alert.created", "alert.updated"]
    assert {one["id"] for one in receiver.told} == {str(alert.uid)}


def test_a_receiver_that_fails_is_asked_again_later_and_then_given_up(
    receiver: WebhookPeer, alert: Alert, settings: Any
) -> None:
    settings.NOTIFICATION_MAX_ATTEMPTS = 2
    receiver.default = 500
    work()
    first = Delivery.objects.get()
    assert (first.state, first.attempts) == ("failed", 1)
    work()  # not due yet
    assert len(receiver.posts) == 1
    Delivery.objects.update(due_at=0)
    work()
    last = Delivery.objects.get()
    assert (last.state, last.attempts, last.due_at) == ("dead", 2, None)
    assert last.last_error


def test_a_delivery_whose_worker_died_is_sent_when_its_lease_ends(receiver: WebhookPeer, alert: Alert) -> None:
    [lost] = deliveries.claim(10)
    work()
    assert receiver.posts == []
    Delivery.objects.update(due_at=0)
    work()
    assert len(receiver.posts) == 1
    assert not deliveries.mark_failed(lost, "late", 1)
    assert Delivery.objects.get().state == "sent"


def test_an_update_waits_for_the_first_telling(receiver: WebhookPeer, alert: Alert):
    receiver.answers(503)
    work()
    first = Delivery.objects.get()
    channel = NotificationChannel.objects.get()
    factories.delivery(alert, channel, stage="update", sent_content={"risk_score": 1})
    work()
    assert len(receiver.posts) == 1
    Delivery.objects.filter(pk=first.pk).update(due_at=0)
    work()
    work()
    assert [one["type"] for one in receiver.told] == ["alert.created", "alert.created", "alert.updated"]


def test_what_is_refused_for_good_is_given_up_at_once_and_can_be_sent_again_by_hand(
    receiver: WebhookPeer, alert: Alert, client: Client
):
    receiver.answers(410)
    work()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == ("dead", 1)
    client.force_login(factories.admin())
    action = {"action": "send_again", "_selected_action": [delivery.pk]}
    assert client.post("/admin/events/delivery/", action).status_code == 302
    work()
    assert Delivery.objects.get().state == "sent"
    assert AuditEntry.objects.filter(action="delivery_sent_again").count() == 1


def test_a_channel_that_was_switched_off_is_not_told_any_more(receiver: WebhookPeer, alert: Alert):
    NotificationChannel.objects.update(enabled=False)
    work()
    assert receiver.posts == []
    assert Delivery.objects.get().state == "dead"


def test_of_an_event_in_the_trash_nobody_is_told(receiver: WebhookPeer, alert: Alert):
    Event.objects.update(deleted_at=factories.NOW)
    work()
    assert receiver.posts == []
    assert Delivery.objects.get().last_error == "The event is in the trash."


def test_switched_off_as_a_whole_nothing_is_sent_and_nothing_is_lost(
    receiver: WebhookPeer, alert: Alert, settings: Any
):
    settings.NOTIFICATION_ENABLED = False
    work()
    assert receiver.posts == []
    settings.NOTIFICATION_ENABLED = True
    work()
    assert len(receiver.posts) == 1


def test_a_secret_that_cannot_be_read_is_said_and_not_sent_without(receiver: WebhookPeer, alert: Alert, settings: Any):
    settings.SECRET_KEY = "another"
    work()
    delivery = Delivery.objects.get()
    assert (receiver.posts, delivery.state) == ([], "dead")
    assert "Enter the secrets again" in delivery.last_error


def test_the_wait_grows_to_ten_minutes_unless_the_receiver_says_when():
    for attempts, least, most in ((1, 2.5, 5), (4, 20, 40), (50, 300, 600)):
        assert all(least <= retry_delay_seconds(attempts, HSIError()) <= most for _ in range(50))
    assert retry_delay_seconds(1, OutgoingFailedError(retry_after_seconds=77)) == 77


def test_two_workers_share_what_is_due_and_send_nothing_twice(receiver: WebhookPeer, alert: Alert):
    channel = NotificationChannel.objects.get()
    for _ in range(9):
        factories.delivery(factories.alert(alert.event), channel)
    with transaction.atomic():
        mine = deliveries.claim(4)
    theirs = deliveries.claim(10)
    assert len(mine) == 4
    assert len(theirs) == 6
    assert not {one.delivery_id for one in mine} & {one.delivery_id for one in theirs}


def test_a_loop_without_work_looks_again_within_a_second():
    notifier = Notifier()
    assert 0.1 < notifier.step() <= 1
    assert notifier.idle()


def test_nobody_is_told_the_same_twice(receiver: WebhookPeer, alert: Alert):
    work()
    judged(alert, reasoning="Said with other reasons.")
    work()
    assert Delivery.objects.count() == 1
    judged(alert, risk_score=71)
    work()
    judged(alert, risk_score=71)
    work()
    judged(alert, recommended_action="Look yourself.")
    work()
    assert [one["type"] for one in receiver.told] == ["alert.created", "alert.updated", "alert.updated"]
    assert Delivery.objects.get(stage="update").sent_content["recommended_action"] == "Look yourself."


@pytest.mark.parametrize("is_news", [True, False])
def test_a_judgement_that_comes_while_the_first_is_being_sent_is_compared_with_what_that_said(
    receiver: WebhookPeer, alert: Alert, is_news: bool
):
    [first] = deliveries.claim(1)
    judged(alert, risk_score=80)
    assert Delivery.objects.filter(stage="update").exists()
    told = {"risk_score": 70 if is_news else 80, "risk_level": "high", "summary": alert.event.summary}
    assert deliveries.mark_sent(first, {**told, "recommended_action": ""})
    work()
    assert [one["type"] for one in receiver.told] == (["alert.updated"] if is_news else [])
    assert Delivery.objects.filter(stage="update", state="sent").exists() == is_news
    assert Delivery.objects.count() == 1 + is_news


def test_who_has_a_mail_is_not_sent_it_again_while_the_others_wait(alert: Alert, monkeypatch: pytest.MonkeyPatch):
    sent_to: list[frozenset[str]] = []

    def send(channel: NotificationChannel, notification: Notification) -> None:
        sent_to.append(notification.reached)
        if len(sent_to) == 1:
            raise NotSentError("one is full", reached=["ann@example.org"])

    monkeypatch.setattr(channels, "send", send)
    work()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.reached) == ("failed", ["ann@example.org"])
    judged(alert, risk_score=71)
    assert Delivery.objects.filter(stage="update").exists()  # one of them heard of 70
    Delivery.objects.update(due_at=0)
    work()
    work()
    assert sent_to == [frozenset(), frozenset({"ann@example.org"}), frozenset()]
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}


@pytest.mark.parametrize("status", [404, 502, 503, 403, 307])
def test_a_proxy_that_reloads_is_asked_again(receiver: WebhookPeer, alert: Alert, status: int):
    receiver.answers(status)
    work()
    assert Delivery.objects.get().state == "failed"
    Delivery.objects.update(due_at=0)
    work()
    assert Delivery.objects.get().state == "sent"


def test_a_channel_keeps_how_its_last_tries_went(receiver: WebhookPeer, alert: Alert):
    receiver.default = 503
    for _ in range(2):
        Delivery.objects.update(due_at=0)
        work()
    channel = NotificationChannel.objects.get()
    assert (channel.failures, channel.last_error) == (2, "RECEIVER_FAILED: The receiver answered 503.")
    receiver.default = 200
    Delivery.objects.update(due_at=0)
    work()
    channel.refresh_from_db()
    assert (channel.failures, channel.last_error) == (0, "")


def test_how_long_a_telling_took_is_a_stage(receiver: WebhookPeer, alert: Alert):
    work()
    # The process still holds figures of other tests.
    assert [bucket.count for bucket in LatencyBucket.objects.filter(name="stage", label="delivery")] == [1]
