"""Deliveries on their way to a real HTTP server."""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from events.models import Alert, AlertRule, Delivery, NotificationChannel
from events.notifications import outbox
from tests.factories import event

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "a secret of the test"


class Receiver(HTTPServer):
    """Keeps what it gets, and answers `status`."""

    status = 204

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, bytes]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.headers["X-HSI-Signature"], body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with Receiver() as server:
        settings.WEBHOOK_ALLOWED_HOSTS = [f"127.0.0.1:{server.server_port}"]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def alert(receiver: Receiver) -> Alert:
    """Waits to be told to `receiver`."""
    channel = NotificationChannel(name="hook", kind="webhook")
    channel.keep_secrets({"url": f"http://127.0.0.1:{receiver.server_port}/hook", "secret": SECRET})
    channel.save()
    rule = AlertRule.objects.create(name="any")
    rule.channels.add(channel)
    told = event(risk_score=70, risk_level="high")
    made = Alert.objects.create(event=told, rule=rule, camera=told.camera, dedup_key="k", window=1, severity="high")
    with transaction.atomic():
        outbox.put(made, update=False)
    return made


def work() -> None:
    call_command("runworker", "notifications", once=True)


def test_a_delivery_is_signed_sent_and_recorded_once(receiver: Receiver, alert: Alert) -> None:
    work()
    work()
    [(signature, body)] = receiver.got
    assert signature == "sha256=" + hmac.new(SECRET.encode(), body, "sha256").hexdigest()
    assert json.loads(body)["type"] == "alert.created"
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.lease, delivery.due_at) == ("sent", 1, "", None)


def test_the_update_has_the_id_of_the_first(receiver: Receiver, alert: Alert) -> None:
    work()
    with transaction.atomic():
        outbox.put(alert, update=True)
    work()
    told = [json.loads(body) for _, body in receiver.got]
    assert [one["type"] for one in told] == ["alert.created", "alert.updated"]
    assert {one["id"] for one in told} == {str(alert.uid)}


def test_a_receiver_that_fails_is_asked_again_later_and_then_given_up(
    receiver: Receiver, alert: Alert, settings: Any
) -> None:
    settings.NOTIFICATION_MAX_ATTEMPTS = 2
    receiver.status = 500
    work()
    first = Delivery.objects.get()
    assert (first.state, first.attempts) == ("failed", 1)
    work()  # not due yet
    assert len(receiver.got) == 1
    Delivery.objects.update(due_at=0)
    work()
    last = Delivery.objects.get()
    assert (last.state, last.attempts, last.due_at) == ("dead", 2, None)
    assert last.last_error


def test_a_delivery_whose_worker_died_is_sent_when_its_lease_ends(receiver: Receiver, alert: Alert) -> None:
    [lost] = outbox.claim(10)
    work()
    assert receiver.got == []
    Delivery.objects.update(due_at=0)
    work()
    assert len(receiver.got) == 1
    assert not outbox.failed(lost, "late", 1)
    assert Delivery.objects.get().state == "sent"
