"""Rules, alerts and channels over HTTP, as an administrator and an operator use them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from cameras.models import Camera
from events.models import Alert, AlertRule, Delivery, NotificationChannel
from hsi.models import AuditEntry, StreamMessage
from hsi.security.roles import Role, set_role
from tests import factories
from tests.peers.webhook import WebhookPeer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("webhooks_to_here")]

NIGHT = {"days": ["fri", "sat"], "start": "22:00", "end": "06:00", "timezone": "Europe/Berlin"}


@pytest.fixture
def door() -> Camera:
    return factories.camera("door")


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(factories.admin("boss"))
    return client


@pytest.fixture
def operator(door: Camera) -> Client:
    client, user = Client(), factories.user(sees=door)
    set_role(user, Role.OPERATOR)
    client.force_login(user)
    return client


def send(client: Client, method: str, path: str, body: Any = None, **headers: str) -> Any:
    call = getattr(client, method)
    return call(f"/api/{path}", body if body is not None else {}, content_type="application/json", headers=headers)


def done() -> list[str]:
    entries = AuditEntry.objects.exclude(action="role_given").order_by("pk")
    return list(entries.values_list("action", flat=True))


def test_a_rule_is_made_read_changed_and_deleted_and_each_step_is_in_the_audit_log(boss: Client, door: Camera):
    zone, channel = factories.zone(door), factories.channel()
    asked = {
        "name": "People at night", "severity": "high", "min_risk": 10, "labels": ["person"], "cameras": ["door"],
        "zones": [zone.pk], "min_confidence": 0.6, "schedule": NIGHT, "cooldown_seconds": 60,
        "dedup_key": "{camera}/{label}", "channels": [channel.pk], "enabled": False,
    }  # fmt: skip
    answer = send(boss, "post", "alert-rules", asked)
    made = answer.json()
    assert (answer.status_code, answer["Location"]) == (201, f"/api/alert-rules/{made['id']}")
    assert {name: made[name] for name in asked} == asked
    assert boss.get(answer["Location"]).json() == made
    changed = send(boss, "patch", f"alert-rules/{made['id']}", {"schedule": None, "enabled": True}).json()
    assert changed == {**made, "schedule": None, "enabled": True}
    assert boss.get("/api/alert-rules").json()["items"] == [changed]
    assert send(boss, "delete", f"alert-rules/{made['id']}").status_code == 204
    assert not AlertRule.objects.exists()
    assert done() == ["alert_rule_created", "alert_rule_changed", "alert_rule_deleted"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "x", "severity": "worse"}, "severity"),
        ({"name": "x", "min_risk": 101}, "min_risk"),
        ({"name": "x", "min_confidence": 1.1}, "min_confidence"),
        ({"name": "x", "cameras": ["nowhere"]}, "cameras"),
        ({"name": "x", "zones": ["nowhere"]}, "zones"),
        ({"name": "x", "channels": [99]}, "channels"),
        ({"name": "x", "labels": "person"}, "labels"),
        ({"name": "x", "dedup_key": "{nothing}"}, "dedup_key"),
        ({"name": "x", "cooldown_seconds": -1}, "cooldown_seconds"),
        ({"name": "x", "schedule": {"start": "25:00", "end": "06:00"}}, "schedule"),
        ({"name": "x", "schedule": {"start": "22:00"}}, "schedule"),
        ({"name": "x", "schedule": NIGHT | {"timezone": "Mars/Base"}}, "schedule"),
        ({"name": "x", "schedule": NIGHT | {"days": ["someday"]}}, "schedule"),
        ({"name": "x", "sevrity": "high"}, "sevrity"),
    ],
)
def test_a_rule_that_asks_for_what_cannot_be_is_refused_with_the_field(boss: Client, body: Any, field: str):
    answer = send(boss, "post", "alert-rules", body)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert not AlertRule.objects.exists()


def test_a_rule_is_tried_on_the_newest_events_and_makes_nothing(boss: Client, door: Camera):
    level: dict[str, Any] = {"risk_source": "rules", "risk_score": 70, "risk_level": "high"}
    fits, other = factories.event(door, **level), factories.event(**level)
    for event in (fits, other):
        factories.detection(factories.upload(event.camera), event.batches.get(), label="person", confidence=0.9)
    rule = factories.rule(cameras=["door"], labels=["person"])
    answer = send(boss, "post", f"alert-rules/{rule.pk}/test").json()
    assert (answer["tried"], answer["matching"]) == (2, 1)
    assert {one["event"]: one["why_not"] for one in answer["events"]} == {fits.pk: [], other.pk: ["another camera"]}
    assert not Alert.objects.exists()


def test_a_zone_must_hold_for_the_detection_that_fits(boss: Client, door: Camera):
    """A sure person outside the zone, and an unsure one in it, are no sure person in it."""
    event = factories.event(door, risk_source="rules", risk_score=70, risk_level="high")
    zone = factories.zone(door)
    for confidence, zones in ((0.95, []), (0.5, [zone.pk])):
        factories.detection(
            factories.upload(door), event.batches.get(), label="person", confidence=confidence, zones=zones
        )
    rule = factories.rule(zones=[zone.pk], min_confidence=0.6)
    assert send(boss, "post", f"alert-rules/{rule.pk}/test").json()["matching"] == 0
    send(boss, "patch", f"alert-rules/{rule.pk}", {"min_confidence": 0.4})
    assert send(boss, "post", f"alert-rules/{rule.pk}/test").json()["matching"] == 1


def test_an_operator_handles_the_alerts_of_their_cameras_and_it_is_told(operator: Client, door: Camera):
    mine, hidden = factories.alert(factories.event(door)), factories.alert()
    assert [one["id"] for one in operator.get("/api/alerts").json()["items"]] == [mine.pk]
    assert send(operator, "post", f"alerts/{hidden.pk}/dismiss").status_code == 404
    for step, status in (("acknowledge", "acknowledged"), ("acknowledge", "acknowledged"), ("dismiss", "dismissed")):
        assert send(operator, "post", f"alerts/{mine.pk}/{step}").json()["status"] == status
    assert done() == ["alert_acknowledged", "alert_dismissed"]
    told = StreamMessage.objects.filter(type="alert.updated", camera="door")
    assert [message.data["status"] for message in told.order_by("seq")] == ["acknowledged", "dismissed"]
    assert operator.get(f"/api/alerts/{mine.pk}").json()["status"] == "dismissed"


def test_the_alerts_of_a_deleted_event_are_gone_until_it_is_restored(boss: Client, door: Camera):
    alert = factories.alert(factories.event(door))
    send(boss, "delete", f"events/{alert.event_id}")
    assert boss.get("/api/alerts").json()["items"] == []
    assert boss.get(f"/api/alerts/{alert.pk}").status_code == 404
    send(boss, "post", f"events/{alert.event_id}/restore")
    assert boss.get(f"/api/alerts/{alert.pk}").status_code == 200


def test_alerts_are_narrowed_down(boss: Client, door: Camera):
    one, other = factories.alert(factories.event(door)), factories.alert(severity="critical", status="dismissed")

    def found(**filters: Any) -> list[int]:
        return [item["id"] for item in boss.get("/api/alerts", filters).json()["items"]]

    assert found() == [other.pk, one.pk]
    assert (
        found(camera="door") == found(event=one.event_id) == found(rule=one.rule_id) == found(status="open") == [one.pk]
    )
    assert found(severity="critical") == found(after=other.created_at.isoformat()) == [other.pk]
    assert boss.get("/api/alerts", {"colour": "red"}).status_code == 400


def test_a_channel_is_made_tried_changed_and_deleted_and_never_shows_its_secrets(boss: Client):
    with WebhookPeer() as peer:
        asked = {"name": "hook", "kind": "webhook", "url": f"{peer.url}?key=s3cret", "secret": "sign3d"}
        answer = send(boss, "post", "notification-channels", asked)
        made = answer.json()
        assert answer.status_code == 201
        assert made["target"] == peer.host
        path = f"notification-channels/{made['id']}"
        assert send(boss, "post", f"{path}/test").json() == {"sent": True}
        assert peer.posts[0].path == "/hook?key=s3cret"
        assert peer.told[0]["type"] == "channel.test"
        peer.answers(410)
        refused = send(boss, "post", f"{path}/test")
        assert (refused.status_code, refused.json()["code"]) == (502, "RECEIVER_REJECTED")
    changed = send(boss, "patch", path, {"name": "another", "min_severity": "high"}).json()
    assert changed == {**made, "name": "another", "min_severity": "high"}
    assert NotificationChannel.objects.get().secrets == {"url": asked["url"], "secret": "sign3d"}
    assert send(boss, "patch", path, {"kind": "email"}).status_code == 400
    shown = boss.get("/api/notification-channels").content + boss.get("/api/audit").content
    assert b"s3cret" not in shown
    assert b"sign3d" not in shown
    assert send(boss, "delete", path).status_code == 204
    assert done() == ["channel_created", "channel_changed", "channel_deleted"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x", "kind": "pigeon"}, "kind"),
        ({"name": "x", "kind": "webhook", "url": "http://10.0.0.1/"}, "url"),
        ({"name": "x", "kind": "webhook", "url": "x" * 2001}, "url"),
        ({"name": "x", "kind": "email", "recipients": ["nobody"]}, "recipients"),
        ({"name": "x", "kind": "mqtt", "settings": {"host": {"a": 1}}}, "settings"),
        ({"name": "x", "kind": "mqtt", "settings": {str(n): n for n in range(21)}}, "settings"),
        ({"name": "x", "kind": "webhook", "url": "http://127.0.0.1/", "sealed": "x"}, "sealed"),
    ],
)
def test_a_channel_that_leads_nowhere_is_refused_with_the_field(boss: Client, body: Any, field: str):
    answer = send(boss, "post", "notification-channels", body)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert not NotificationChannel.objects.exists()


def test_a_post_that_is_sent_twice_with_its_key_makes_one(boss: Client):
    body = {"name": "hook", "kind": "webhook", "url": "http://127.0.0.1:9/"}
    first, second = (
        send(boss, "post", "notification-channels", body, **{"Idempotency-Key": "k1"}).json() for _ in range(2)
    )
    assert first == second
    assert NotificationChannel.objects.count() == 1


def test_deliveries_are_told_with_their_state_and_narrowed_down(boss: Client):
    channel = factories.channel()
    sent = factories.delivery(factories.alert(), channel, state="sent", due_at=None)
    waits = factories.delivery(factories.alert(), channel, state="failed", due_at=1_000_000_000.5, attempts=2)
    items = boss.get("/api/deliveries").json()["items"]
    assert [item["id"] for item in items] == [waits.pk, sent.pk]
    assert items[0]["next_attempt_at"] == "2001-09-09T01:46:40.500000Z"
    assert items[1]["next_attempt_at"] is None
    for filters in ({"state": "sent"}, {"alert": sent.alert_id}):
        assert [one["id"] for one in boss.get("/api/deliveries", filters).json()["items"]] == [sent.pk]
    assert Delivery.objects.count() == 2


def test_conditions_on_tracks_are_stored_and_explained(boss: Client, door: Camera):
    zone = factories.zone(door, id="step", name="Door step")
    conditions = {"min_stay_seconds": 30, "crossing": "left", "min_people": 2}
    body = {"name": "loiterer", "zones": [zone.pk], **conditions}
    created = send(boss, "post", "alert-rules", body).json()
    assert {name: created[name] for name in conditions} == conditions
    event = factories.event(door, people_at_once=1)
    factories.detection(factories.upload(door), event.batches.get(), zones=[zone.pk])
    factories.track(event, zones=[{"zone": zone.pk, "seconds": 12, "entered_at": None, "left_at": None}])
    tried = send(boss, "post", f"alert-rules/{created['id']}/test").json()["events"]
    assert [one["why_not"] for one in tried] == [
        [
            "no object stayed 30 s in Door step (longest: 12 s)",
            "no object left Door step",
            "people at once: 1, fewer than 2",
        ]
    ]


def test_a_crossing_without_a_zone_is_refused(boss: Client):
    answer = send(boss, "post", "alert-rules", {"name": "r", "crossing": "entered"})
    assert list(answer.json()["errors"]) == ["crossing"]


def test_a_rule_is_tried_with_one_query_for_all_tracks(boss: Client, door: Camera, django_assert_max_num_queries):
    rule = factories.rule(min_stay_seconds=1)
    for _ in range(5):
        factories.track(factories.event(door))
    with django_assert_max_num_queries(12):
        send(boss, "post", f"alert-rules/{rule.pk}/test")
