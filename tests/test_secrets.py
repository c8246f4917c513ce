"""Each secret input is given a marker of its own. Afterwards no table, log, page, export or message holds one.

`ENTERED` names every field that is marked as secret: a new one fails here until it is entered below as well.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django import forms
from django.conf import settings as current
from django.contrib.auth.models import User
from django.core.management import call_command
from django.urls import reverse
from rest_framework import serializers

from events.models import Delivery, NotificationChannel
from events.notifications import channels, content, deliveries, worker
from hsi.config.options import SETTINGS
from hsi.errors import AIServiceError
from hsi.models import ApiToken
from hsi.outbound.safe_http import OutgoingFailedError
from hsi.outbound.shared_breaker import get_breaker
from hsi.queues import DETECTION_QUEUE, Failure, Job
from hsi.queues.dead_letters import dead_letter
from hsi.security import authentication
from hsi.security.secret_fields import is_secret
from hsi.views import setup_path
from tests import factories
from tests.markers import OURS, Logs, Markers, Person, declared, look_everywhere
from tests.peers.mqtt import MqttPeer
from tests.peers.webhook import WebhookPeer

pytestmark = [pytest.mark.django_db, pytest.mark.one_engine]

ENTERED = {
    ("ChannelRequestSerializer", "url"),
    ("ChannelRequestSerializer", "secret"),
    ("ChannelRequestSerializer", "password"),
    ("ChannelForm", "url"),
    ("ChannelForm", "secret"),
    ("ChannelForm", "password"),
    ("SetupForm", "password1"),
    ("SetupForm", "password2"),
    ("PasswordForm", "old_password"),
    ("PasswordForm", "new_password1"),
    ("PasswordForm", "new_password2"),
}
# Fields that are called like a secret and are none.
OPEN = {("AlertRuleRequestSerializer", "dedup_key"), ("AlertRuleForm", "dedup_key")}
LIKE_A_SECRET = re.compile(r"(?i)url|password|secret|token$|key|credential|pin$|pass$")


def test_every_secret_field_is_entered_below_and_every_field_called_like_one_is_marked():
    fields = declared()
    assert {where for where, field in fields.items() if is_secret(field)} == ENTERED
    like = {where for where, field in fields.items() if LIKE_A_SECRET.search(where[1]) and not is_secret(field)}
    texts = {where for where in like if isinstance(fields[where], (forms.CharField, serializers.CharField))}
    assert texts == OPEN


@pytest.fixture
def markers() -> Markers:
    return Markers()


@pytest.fixture
def logs() -> Iterator[Logs]:
    """With LOG_LEVEL=DEBUG."""
    root, handler = logging.getLogger(), Logs()
    before = {name: logging.getLogger(name).level for name in ("", *OURS)}
    for name in before:
        logging.getLogger(name).setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def boss(markers: Markers, webhooks_to_here: None) -> Person:
    return Person(markers, "boss")


def of_kind(kind: str, broker: MqttPeer, peer: WebhookPeer, marker: Any) -> list[dict[str, Any]]:
    """Channels of a kind with a marker in each secret: valid ones, then some that are not."""
    secret = {"secret": marker("secret"), "password": marker("password")}
    where = {"host": "127.0.0.1", "port": broker.port, "username": "ann"}
    if kind == "webhook":
        good = [f"{peer.url}/{marker('path')}?token={marker('query')}", f"http://127.0.0.1:9/{marker('path')}"]
        bad = [
            f"https://ann:{marker('user')}@example.org/", f"ftp://example.org/{marker('path')}", marker("no address"),
            f"http://10.0.0.1/{marker('path')}", f"https://example.org/{marker('path')}{'x' * 2000}",
            f"\0{marker('nul')}",
        ]  # fmt: skip
    elif kind == "apprise":
        good = [
            f"json://ann:{marker('user')}@{peer.host}/{marker('path')}", f"gotify://{peer.host}/A{marker('token')}",
            f"ntfy://{peer.host}/{marker('topic')}", f"gotify://127.0.0.1:9/A{marker('token')}",
        ]  # fmt: skip
        bad = [
            f"tgram://{marker('token')}/1", f"discord://1234567890/{marker('token')}#?verify=no", f"json://{marker('host')}",
            f"slack://{marker('token')}/{marker('token')}", f"exec://{marker('path')}", f"json://127.0.0.1/?x={marker('x')}",
        ]  # fmt: skip
    else:
        made = {"kind": kind, "recipients": ["ann@example.org"] if kind == "email" else [], **secret}
        more = {**made, "settings": where if kind == "mqtt" else {}}
        return [more, {**more, "secret": marker("s") + "x" * 2000}]
    return [{"kind": kind, "url": url, **secret} for url in good + bad]


def send_all(person: Person) -> None:
    """Try each channel by the API and by the admin, tell it of an alert, and try it when nobody foresaw the failure."""
    alert = factories.alert()
    for channel in NotificationChannel.objects.all():
        person.post(f"/api/notification-channels/{channel.pk}/test", {}, api=True)
        test = {"action": "send_test", "_selected_action": [channel.pk]}
        person.post(reverse("admin:events_notificationchannel_changelist"), test)
        factories.delivery(alert, channel)
    for claim in deliveries.claim(1000):
        worker.deliver(claim)
    for row in Delivery.objects.exclude(state="sent"):
        config = channels.config_of(row.channel)
        deliveries.mark_dead(
            deliveries.DeliveryLease(row.pk, row.lease, 1), f"Refused: {config.url} {config.secret} {config.password}"
        )
    with pytest.MonkeyPatch.context() as patched:

        def fail(config: Any, notification: Any) -> None:
            raise RuntimeError(f"{config.url} and {config.secret!r} and {json.dumps(config.password)}")

        for kind in channels.kinds():
            patched.setattr(channels.kind(kind), "send", fail, raising=True)
        for channel in NotificationChannel.objects.all():
            assert person.post(f"/api/notification-channels/{channel.pk}/test", {}, api=True).status_code == 500


def changed(values: list[dict[str, Any]]) -> Iterator[tuple[NotificationChannel, dict[str, Any]]]:
    """The channels of a kind that were made, and what each is changed to."""
    return zip(NotificationChannel.objects.filter(kind=values[0]["kind"]), values, strict=False)


def enter_by_the_api(boss: Person, wanted: Any) -> None:
    for number, values in enumerate(wanted()):
        made = {**values, "name": f"channel {number}"}
        boss.post("/api/notification-channels", made, api=True, **{"Idempotency-Key": f"{values['kind']} {number}"})
    for channel, changes in changed(wanted()):
        address = f"/api/notification-channels/{channel.pk}"
        boss.post(address, changes, api=True, method="patch")
        boss.post(address, {"url": changes.get("url", "") + "\0"}, api=True, method="patch")


def enter_in_the_admin(boss: Person, wanted: Any) -> None:
    form = {"name": "a channel", "enabled": "on", "min_severity": "low"}

    def filled(values: dict[str, Any]) -> dict[str, Any]:
        open_values = {
            "recipients": ", ".join(values.get("recipients", [])),
            "settings": json.dumps(values.get("settings", {})),
        }
        return {**form, **values, **open_values}

    for values in wanted():
        boss.post(reverse("admin:events_notificationchannel_add"), filled(values))
    for channel, changes in changed(wanted()):
        address = reverse("admin:events_notificationchannel_change", args=[channel.pk])
        boss.post(address, filled(changes))
        boss.post(address, {**filled(changes), "name": ""})


@pytest.mark.parametrize("enter", [enter_by_the_api, enter_in_the_admin])
def test_what_is_secret_of_a_channel_is_left_nowhere(
    markers: Markers, logs: Logs, boss: Person, settings: Any, enter: Any
):
    settings.WEBHOOK_TIMEOUT_SECONDS, settings.SMTP_HOST = 2, ""
    with WebhookPeer() as peer, MqttPeer(connect_code=5) as broker:
        peer.default = 500
        for kind in channels.kinds():
            enter(boss, lambda kind=kind: of_kind(kind, broker, peer, lambda name: markers.new(f"{kind} {name}")))
        assert set(NotificationChannel.objects.values_list("kind", flat=True)) == set(channels.kinds()), markers.answers
        send_all(boss)
    for channel in NotificationChannel.objects.all()[:2]:
        boss.post(f"/api/notification-channels/{channel.pk}", {}, api=True, method="delete")
    look_everywhere(markers, logs, boss)


def test_what_is_no_secret_input_keeps_nothing_that_nobody_reads(markers: Markers, logs: Logs, boss: Person):
    for kind in channels.kinds():
        values: dict[str, Any] = {
            "name": "x",
            "kind": kind,
            "recipients": ["ann@example.org"],
            "url": "https://example.org/",
        }
        for name, value in (("password", markers.new("password")), ("host", f"ann:{markers.new('host')}@127.0.0.1")):
            made = boss.post("/api/notification-channels", {**values, "settings": {name: value}}, api=True)
            assert made.status_code == 400
    for start in ('{"kind": "webhook", "url": "', '{"url": "https://example.org/'):
        text = start + markers.new("a body that is cut off")
        answer = boss.client.post("/api/notification-channels", text, "application/json")
        markers.answers.append(("cut off", answer.content.decode()))
    look_everywhere(markers, logs, boss)


def test_passwords_are_left_nowhere(markers: Markers, logs: Logs, boss: Person, monkeypatch: pytest.MonkeyPatch):
    def pair(name: str, first: str = "password1", second: str = "password2") -> list[dict[str, str]]:
        """One that is taken, two that differ, and one that is too short for some."""
        same = markers.new(name)
        return [
            {first: markers.new(name), second: markers.new(name)}, {first: "", second: markers.new(name)},
            {first: same, second: same},
        ]  # fmt: skip

    stranger = Person(markers)
    for number in range(3):
        stranger.post("/login", {"username": "boss" if number else "", "password": markers.new("login")})
    for values in pair("user added"):
        boss.post(reverse("admin:auth_user_add"), {"username": "ann", "usable_password": "true", **values})
    ann = User.objects.get(username="ann")
    for values in pair("user's password"):
        boss.post(reverse("admin:auth_user_password_change", args=[ann.pk]), {"usable_password": "true", **values})
    mine = {"old_password": markers.new("old password")}
    for values in pair("own password", "new_password1", "new_password2"):
        boss.post(reverse("change_password"), {**mine, **values})
    own = markers.new("own password")
    boss_user = User.objects.get(username="boss")
    boss_user.set_password(own)
    boss_user.save()
    boss.client.force_login(boss_user)
    for values in pair("own password", "new_password1", "new_password2"):
        boss.post(reverse("change_password"), {"old_password": own, **values})
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", markers.new("command"))
    call_command("createsuperuser", interactive=False, username="eve", email="", stdout=StringIO())
    look_everywhere(markers, logs, boss)


def test_the_password_of_the_first_administrator_is_left_nowhere(
    markers: Markers, logs: Logs, monkeypatch: pytest.MonkeyPatch, webhooks_to_here: None
):
    monkeypatch.setattr(authentication, "_set_up", False)
    stranger, path = Person(markers), setup_path()
    same = markers.new("set-up")
    for first, second in ((markers.new("set-up"), markers.new("set-up")), (same, same)):
        stranger.post(path, {"username": "root", "password1": first, "password2": second})
    assert User.objects.get().check_password(same)
    look_everywhere(markers, logs, stranger)


def test_tokens_are_left_nowhere_but_where_they_are_made(markers: Markers, logs: Logs, boss: Person):
    made = {"name": "scraper", "user": "boss", "scopes": ["read"], "days": "5"}
    page = boss.client.post(reverse("admin:new_token"), made).content.decode()
    answer = boss.client.post(
        "/api/tokens", {"name": "other", "scopes": ["read"]}, "application/json", headers={"Idempotency-Key": "once"}
    )
    texts = [*re.findall(r"hsi_[\w-]{20,}", page)[:1], answer.json()["token"]]
    assert ApiToken.objects.count() == len(texts) == 2
    wrong = [f"hsi_{markers.new('wrong token')}{'x' * 20}", markers.new("key that is none")]
    for text in texts:
        markers.made[text] = "a token"
    program = Person(markers)
    for text in (*texts, *wrong):
        for headers in ({"Authorization": f"Bearer {text}"}, {"X-API-Key": text}, {"Authorization": f"Token {text}"}):
            program.get("/api/events?unknown=1", **headers)
            program.get("/api/events/77", **headers)
            program.post("/api/events/bulk-review", {"x": 1}, api=True, **headers)
    for pk in ApiToken.objects.values_list("pk", flat=True):
        boss.post(reverse("admin:revoke_token", args=[pk]), {})
    look_everywhere(markers, logs, boss)


def test_secret_settings_are_left_nowhere(markers: Markers, logs: Logs, boss: Person, settings: Any):
    values = dict(current.CONFIGURATION.values)
    for setting in SETTINGS:
        if setting.secret and setting.name != "SECRET_KEY":
            text = markers.new(setting.name)
            value: Any = f"http://127.0.0.1:9/{text}" if setting.name.endswith("_URL") else text
            values[setting.name] = [value] if setting.type is list else value
        elif setting.name in ("DATABASE_URL", "REDIS_URL", "RTDETR_URL", "NEMOTRON_URL"):
            text, key = markers.new(setting.name), markers.new(f"{setting.name} key")
            values[setting.name] = f"http://ann:{text}@127.0.0.1:9/x?api_key={key}"
        else:
            continue
        if not setting.name.startswith(("DATABASE", "REDIS")):
            setattr(settings, setting.name, values[setting.name])
    settings.CONFIGURATION = replace(current.CONFIGURATION, values=values)
    settings.WEBHOOK_TIMEOUT_SECONDS = 2
    with pytest.raises(OutgoingFailedError):
        channels.send(factories.channel(url=""), content.test_notification("x"))  # to DEFAULT_WEBHOOK_URL
    texts = " ".join(str(values[one.name]) for one in SETTINGS if one.secret or one.name.endswith("_URL"))
    logging.getLogger("hsi").warning("Failed with %s", texts)
    error = AIServiceError(texts, body=texts)
    get_breaker("nemotron").fail("", error)
    job = Job(1, DETECTION_QUEUE, 1, 1, 1.8e9, "", (Failure.of(error).as_dict(),))
    dead_letter(job, "attempts", error, f"Traceback:\nAIServiceError: {texts}")
    look_everywhere(markers, logs, boss)
