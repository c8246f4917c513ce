"""Each kind of channel speaks to a real peer of its kind: an HTTP server, a mail server, an MQTT broker."""

from __future__ import annotations

import email
import hmac
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from events.models import Alert, NotificationChannel
from events.notifications import channels, content
from events.notifications.channels import ChannelInvalidError, NotSentError, RefusedError
from events.notifications.content import Notification
from hsi.errors import HSIError
from hsi.outbound.safe_http import OutgoingFailedError, OutgoingRejectedError
from tests import factories, pictures
from tests.engines.process import free_port
from tests.peers.mqtt import MqttPeer
from tests.peers.webhook import WebhookPeer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _allowed(settings: Any, data_dir: Path, webhooks_to_here: None) -> None:
    settings.WEBHOOK_TIMEOUT_SECONDS = 2


@pytest.fixture
def alert() -> Alert:
    """Of an event with a picture."""
    upload = pictures.stored(pictures.jpeg(), of=factories.camera("door", name="Front door"))
    event = factories.event(
        upload.camera,
        risk_score=90,
        risk_level="critical",
        summary="A person\ntries the <b>door</b>.",
        risk_source="llm",
    )
    factories.detection(upload, event.batches.get())
    return factories.alert(event)


def told(alert: Alert, stage: str = "first") -> Notification:
    return content.notification_of(factories.delivery(alert, factories.channel(), stage=stage))


class Mailbox:
    """What aiosmtpd hands over. `refuses` is what it answers instead of taking a mail.

    `unknown` are the recipients that it does not take, with its answer.
    """

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.recipients: list[str] = []
        self.refuses = ""
        self.unknown: dict[str, str] = {}

    async def handle_RCPT(  # noqa: N802 (its name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address not in self.unknown:
            envelope.rcpt_tos.append(address)
        return self.unknown.get(address, "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (its name)
        if self.refuses:
            return self.refuses
        assert isinstance(envelope.content, bytes)
        self.mails.append(email.message_from_bytes(envelope.content, policy=default))
        self.recipients += envelope.rcpt_tos
        return "250 taken"


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.SMTP_HOST, settings.SMTP_PORT, settings.SMTP_USE_TLS = "127.0.0.1", controller.port, False
    settings.SMTP_FROM_ADDRESS = "hsi@example.org"
    yield box
    controller.stop()


def test_a_mail_has_the_words_the_picture_and_the_thread_of_its_alert(mailbox: Mailbox, alert: Alert):
    channel = factories.channel("email", recipients=["ann@example.org", "bob@example.org"])
    channels.send(channel, told(alert))
    channels.send(channel, told(alert, "update"))
    first, update = mailbox.mails
    assert first["Subject"] == "Critical risk: Front door"
    assert update["Subject"] == "Judged: Critical risk: Front door"
    assert set(mailbox.recipients) == {"ann@example.org", "bob@example.org"}
    body, picture = list(first.walk())[1:]
    assert str(body.get_payload()).startswith("A person tries the <b>door</b>.")
    assert picture.get_content_type() == "image/jpeg"
    assert bytes(picture.get_payload(decode=True)).startswith(b"\xff\xd8")
    assert update["In-Reply-To"] == first["Message-ID"] != update["Message-ID"]


@pytest.mark.parametrize(("answer", "error"), [("451 later", NotSentError), ("554 never", RefusedError)])
def test_a_mail_server_that_refuses_says_whether_for_good(
    mailbox: Mailbox, alert: Alert, answer: str, error: type[HSIError]
):
    mailbox.refuses = answer
    with pytest.raises(NotSentError, match=answer[:3]) as raised:
        channels.send(factories.channel("email", recipients=["ann@example.org"]), told(alert))
    assert type(raised.value) is error


@pytest.mark.parametrize("answer", ["450 greylisted, come again", "550 no such user here"])
def test_a_mail_that_only_some_recipients_got_goes_to_the_others_later(mailbox: Mailbox, alert: Alert, answer: str):
    to = [f"{name}@example.org" for name in ("ann", "bob", "cid")]
    mailbox.unknown = {to[1]: answer}
    delivery = factories.delivery(alert, factories.channel("email", recipients=to))
    with pytest.raises(NotSentError, match=rf"1 of 3 recipients: bob@example.org \({answer}\)") as raised:
        channels.send(delivery.channel, content.notification_of(delivery))
    assert raised.value.retryable
    assert raised.value.reached == (to[0], to[2])
    delivery.reached = list(raised.value.reached)
    mailbox.unknown = {}
    channels.send(delivery.channel, content.notification_of(delivery))
    assert mailbox.recipients == [to[0], to[2], to[1]]
    delivery.reached = to
    channels.send(delivery.channel, content.notification_of(delivery))
    assert len(mailbox.mails) == 2


def test_of_several_recipients_of_apprise_only_those_without_it_are_sent_to_again(alert: Alert):
    with WebhookPeer() as peer:
        delivery = factories.delivery(alert, factories.channel("apprise", url=f"ntfy://{peer.host}/ann/bob"))
        peer.default = 200
        peer.answers(200)
        peer.answers(500)
        with pytest.raises(NotSentError, match=r"did not accept it for 1 of 2 recipients \(") as raised:
            channels.send(delivery.channel, content.notification_of(delivery))
        delivery.reached = list(raised.value.reached)
        assert len(delivery.reached) == 1
        assert "ann" not in delivery.reached[0]
        channels.send(delivery.channel, content.notification_of(delivery))
        assert [post.json["topic"] for post in peer.posts] == ["ann", "bob", "bob"]


def test_without_a_mail_server_nothing_is_sent_and_it_is_said_why(settings: Any, alert: Alert):
    channel = factories.channel("email", recipients=["ann@example.org"])
    settings.SMTP_HOST = ""
    with pytest.raises(NotSentError, match="SMTP_HOST"):
        channels.send(channel, told(alert))
    settings.SMTP_HOST, settings.SMTP_PORT = "127.0.0.1", free_port()
    with pytest.raises(NotSentError, match="cannot be used"):
        channels.send(channel, told(alert))


def test_a_broker_gets_the_json_and_the_login(alert: Alert):
    with MqttPeer() as broker:
        where = {"host": "127.0.0.1", "port": broker.port, "topic": "home/alerts", "username": "hsi"}
        notification = told(alert)
        channels.send(factories.channel("mqtt", settings=where, password="pass word"), notification)
    [message] = broker.published
    assert (message.topic, message.payload, message.qos) == ("home/alerts", notification.body, 1)
    assert broker.logins == [("hsi", "pass word")]


def test_a_broker_that_refuses_is_silent_or_away_is_not_sent_to(settings: Any, alert: Alert):
    settings.WEBHOOK_TIMEOUT_SECONDS = 0.3
    notification = told(alert)

    def sends(port: int) -> None:
        channels.send(factories.channel("mqtt", settings={"host": "127.0.0.1", "port": port}), notification)

    with MqttPeer(connect_code=5) as broker, pytest.raises(NotSentError, match="refused the connection"):
        sends(broker.port)
    with MqttPeer(silent=True) as broker, pytest.raises(NotSentError, match="did not answer"):
        sends(broker.port)
    with pytest.raises(NotSentError, match="cannot be reached"):
        sends(free_port())


def test_apprise_sends_to_a_listed_host_and_to_no_other(settings: Any, alert: Alert):
    with WebhookPeer() as peer:
        url = f"json://{peer.host}/a-secret"
        channel = factories.channel("apprise", url=url)
        assert "secret" not in channel.target
        notification = told(alert)
        channels.send(channel, notification)
        [post] = peer.posts
        assert post.path == "/a-secret"
        assert post.json["title"] == "Critical risk: Front door"
        peer.default = 500
        with pytest.raises(NotSentError, match="did not accept it"):
            channels.send(channel, notification)
        settings.WEBHOOK_ALLOWED_HOSTS = []
        with pytest.raises(RefusedError):
            channels.send(channel, notification)
        assert len(peer.posts) == 2


@pytest.mark.parametrize(
    "url",
    [
        "", "nonsense", "file:///etc/passwd", "syslog://", "exec://rm", "json://10.0.0.1/", "json://[::1]/",
        "json://127.0.0.1/?redirect=yes", "mailto://a:b@example.org", "jsons://127.0.0.1.nip.io@10.0.0.1/",
        "ntfy://10.0.0.1/topic", "json://127.0.0.1:99999/", "dbus://", "macosx://", "json://\x00/",
    ],
)  # fmt: skip
def test_of_apprise_only_services_that_cannot_reach_inside_may_be_used(settings: Any, url: str):
    settings.WEBHOOK_ALLOWED_HOSTS = []
    with pytest.raises(ChannelInvalidError):
        factories.channel("apprise", url=url)


def test_a_webhook_is_signed_and_what_it_answers_decides(alert: Alert):
    with WebhookPeer() as peer:
        channel = factories.channel(url=peer.url, secret="s3cret")
        notification = told(alert)
        channels.send(channel, notification)
        [post] = peer.posts
        wanted = "sha256=" + hmac.new(b"s3cret", notification.body, "sha256").hexdigest()
        assert (post.body, post.headers["X-HSI-Signature"]) == (notification.body, wanted)
        assert post.json["event"]["summary"] == alert.event.summary
        for status, error in ((410, OutgoingRejectedError), (302, OutgoingFailedError), (404, OutgoingFailedError)):
            peer.answers(status, {"Location": peer.url})
            with pytest.raises(OutgoingFailedError) as raised:
                channels.send(channel, notification)
            assert type(raised.value) is error
        assert len(peer.posts) == 4  # redirects are not followed
        peer.answers(429, {"Retry-After": "7"})
        with pytest.raises(OutgoingFailedError) as raised:
            channels.send(channel, notification)
        assert raised.value.retry_after_seconds == 7


def test_a_receiver_that_never_answers_costs_no_more_than_the_time_it_has(settings: Any, alert: Alert):
    settings.WEBHOOK_TIMEOUT_SECONDS = 0.2
    with socket.create_server(("127.0.0.1", 0)) as mute:
        channel = factories.channel(url=f"http://127.0.0.1:{mute.getsockname()[1]}/")
        with pytest.raises(OutgoingFailedError, match=r"within 0\.2 s"):
            channels.send(channel, told(alert))


@pytest.mark.parametrize(
    ("kind", "values", "field"),
    [
        ("webhook", {"url": ""}, "url"),
        ("webhook", {"url": "ftp://example.org/"}, "url"),
        ("webhook", {"url": "http://10.0.0.1/"}, "url"),
        ("webhook", {"url": "http://user:pass@example.org/"}, "url"),
        ("email", {}, "recipients"),
        ("email", {"recipients": ["no address"]}, "recipients"),
        ("email", {"recipients": [f"a{number}@example.org" for number in range(51)]}, "recipients"),
        ("mqtt", {"settings": {}}, "settings"),
        ("mqtt", {"settings": {"host": "192.168.1.1"}}, "settings"),
        ("mqtt", {"settings": {"host": "example.org", "port": True}}, "settings"),
        ("mqtt", {"settings": {"host": "example.org", "topic": "a/#"}}, "settings"),
        ("mqtt", {"settings": {"host": "example.org", "colour": "red"}}, "settings"),
        ("mqtt", {"settings": {"host": "example.org", "client_id": "a b"}}, "settings"),
        ("mqtt", {"settings": {"host": "example.org", "client_id": "x" * 65}}, "settings"),
        ("mqtt", {"settings": {"host": "ann:pass@example.org"}}, "settings"),
        ("mqtt", {"settings": {"host": "mqtt://example.org"}}, "settings"),
        ("mqtt", {"settings": {"host": "broker.local"}}, "settings"),
        ("mqtt", {"settings": {"host": "metadata.google.internal"}}, "settings"),
        ("webhook", {"url": "https://example.org/", "settings": {"password": "x"}}, "settings"),
        ("email", {"recipients": ["ann@example.org"], "settings": {"host": "x"}}, "settings"),
        ("email", {"recipients": ["Ann <ann@example.org>"]}, "recipients"),
        ("email", {"recipients": ["ann@example.org, bob@example.org"]}, "recipients"),
        ("email", {"recipients": ["ann@example.org\nBcc: bob@example.org"]}, "recipients"),
        ("webhook", {"url": "http://example.org/"}, "url"),
        ("webhook", {"url": "https://metadata.google.internal/"}, "url"),
    ],
)
def test_a_channel_that_leads_nowhere_is_refused_with_the_field(kind: str, values: dict[str, Any], field: str):
    with pytest.raises(ChannelInvalidError) as raised:
        factories.channel(kind, **values)
    assert raised.value.field == field


def test_secrets_are_sealed_and_do_not_follow_to_another_host():
    where = {"host": "127.0.0.1", "port": 1883}
    channel = factories.channel("mqtt", settings=where, password="pass word")
    assert "pass word" not in NotificationChannel.objects.values_list("sealed", flat=True)[0]
    channels.configure(channel, {"name": "another name"})
    assert channel.secrets == {"password": "pass word"}
    channels.configure(channel, {"settings": where | {"host": "example.org"}})
    assert channel.secrets == {}


def test_words_from_outside_are_one_line_and_bounded():
    assert content.plain("a\n\x1b[31m\u202eb", 100) == "a [31m b"
    assert content.plain("x" * 200, 10) == "xxxxxxxxx…"


@pytest.mark.parametrize(
    "link", ["https://evil.example/a?b=c", "HTTP://10.0.0.1", "www.evil.example", "tg://resolve?x"]
)
def test_words_from_outside_hold_no_link(link: str):
    assert content.plain(f"See ({link} now", 100) == "See ([link] now"
    assert content.plain("Front door: 3.5 m, 12:30, a/b", 100) == "Front door: 3.5 m, 12:30, a/b"


def test_each_connection_to_a_broker_has_an_id_that_every_broker_takes(alert: Alert):
    notification = told(alert)
    with MqttPeer() as broker:
        where = {"host": "127.0.0.1", "port": broker.port}
        for _ in range(2):
            channels.send(factories.channel("mqtt", settings=where), notification)
    first, second = broker.client_ids
    assert re.fullmatch("[0-9a-zA-Z]{1,23}", first)
    assert first != second


def test_a_client_id_that_is_set_is_sent_one_connection_at_a_time(alert: Alert):
    with MqttPeer() as broker:
        where = {"host": "127.0.0.1", "port": broker.port, "client_id": "hsi.garage-1"}
        config = channels.config_of(factories.channel("mqtt", settings=where))
        with ThreadPoolExecutor(4) as pool:
            list(
                pool.map(
                    lambda number: channels.kind("mqtt").send(config, content.test_notification(f"{number}")), range(4)
                )
            )
    assert broker.client_ids == ["hsi.garage-1"] * 4


def test_a_broker_that_refuses_the_client_id_is_said_to(alert: Alert):
    with MqttPeer(connect_code=2) as broker, pytest.raises(NotSentError, match="refused the connection"):
        channels.send(factories.channel("mqtt", settings={"host": "127.0.0.1", "port": broker.port}), told(alert))


def test_many_send_at_once_over_connections_of_their_own():
    with WebhookPeer() as peer:
        config = channels.config_of(factories.channel(url=peer.url))
        with ThreadPoolExecutor(8) as pool:
            list(
                pool.map(
                    lambda number: channels.kind("webhook").send(config, content.test_notification(f"{number}")),
                    range(8),
                )
            )
        assert [one["type"] for one in peer.told] == ["channel.test"] * 8
