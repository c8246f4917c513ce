from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User

from tests.events.stream.streaming import end_of, frame, publish, ready, say, token_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.made_up_messages]


@pytest.fixture
def client(server):
    with server.client(token=token_of(User.objects.create_superuser("admin"))) as client:
        ready(client)
        yield client


def test_subscribe_is_answered_with_what_was_understood(client):
    say(client, "subscribe", types=["event.*", "alert.created"], cameras=["front"], after=0)
    answer = frame(client)
    assert answer["type"] == "subscribed"
    assert answer["data"] == {"types": ["event.*", "alert.created"], "cameras": ["front"], "after": 0}


def test_only_what_is_subscribed_to_arrives(client):
    say(client, "subscribe", types=["event.*", "alert.created"], cameras=["front"])
    frame(client)
    publish("front", kind="alert.updated")
    publish("back", kind="event.created")
    publish("", kind="event.created")
    publish("front", kind="detection.created")
    publish("front", kind="event.deleted")
    publish("front", kind="alert.created")
    assert [frame(client)["seq"] for _ in range(2)] == [5, 6]


def test_a_subscription_replaces_the_one_before(client):
    say(client, "subscribe", types=["alert.*"])
    say(client, "subscribe", data={"types": ["event.*"]})
    frame(client), frame(client)
    publish("front", kind="alert.created")
    publish("front", kind="event.created")
    assert frame(client)["seq"] == 2


def test_a_replay_heeds_the_subscription(client):
    publish("front", kind="alert.created")
    publish("front", kind="event.created")
    assert [frame(client)["seq"] for _ in range(2)] == [1, 2]
    say(client, "subscribe", types=["event.*"], after=0)
    frame(client)
    assert frame(client)["seq"] == 2


def test_after_unsubscribe_nothing_arrives_until_the_next_subscribe(server, client):
    say(client, "unsubscribe")
    say(client, "ping")
    assert frame(client)["type"] == "pong"
    with server.client(token=token_of(User.objects.get())) as witness:
        ready(witness)
        publish("front")
        assert frame(witness)["seq"] == 1
    say(client, "subscribe")
    assert frame(client)["type"] == "subscribed"
    publish("front")
    assert frame(client)["seq"] == 2


def test_a_pong_tells_how_far_the_stream_is_even_when_nothing_of_it_was_for_the_client(client):
    say(client, "subscribe", types=["alert.*"])
    frame(client)
    publish("front", kind="event.created")
    publish("front", kind="alert.created")
    assert frame(client)["seq"] == 2
    say(client, "ping")
    assert frame(client)["seq"] == 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "invalid_json"),
        ("", "invalid_json"),
        ("[" * 60_000, "invalid_json"),
        ("1" * 5_000, "invalid_json"),
        ("[]", "invalid_message"),
        ('"subscribe"', "invalid_message"),
        ('{"type": 1}', "invalid_message"),
        ('{"type": "delete"}', "unknown_type"),
        ('{"type": "\\ud800"}', "unknown_type"),
        ('{"type": "subscribe", "types": "event.*"}', "invalid_message"),
        ('{"type": "subscribe", "types": []}', "invalid_message"),
        ('{"type": "subscribe", "types": ["evnt.*"]}', "invalid_message"),
        ('{"type": "subscribe", "types": ["system.status"]}', "invalid_message"),
        ('{"type": "subscribe", "types": [1]}', "invalid_message"),
        ('{"type": "subscribe", "cameras": []}', "invalid_message"),
        ('{"type": "subscribe", "cameras": {"a": 1}}', "invalid_message"),
        ('{"type": "subscribe", "after": -1}', "invalid_message"),
        ('{"type": "subscribe", "after": true}', "invalid_message"),
        ('{"type": "subscribe", "after": "1"}', "invalid_message"),
        ('{"type": "subscribe", "after": 9223372036854775808}', "invalid_message"),
        ('{"type": "subscribe", "camera": "front"}', "invalid_message"),
    ],
)
def test_what_is_not_understood_is_answered_and_the_stream_goes_on(client, text, code):
    client.send(text)
    answer = frame(client)
    assert answer.keys() == {"type", "code", "detail"}
    assert (answer["type"], answer["code"]) == ("error", code)
    publish("front")
    assert frame(client)["seq"] == 1


def test_a_binary_message_is_an_error(client):
    client.send(b'{"type":"ping"}')
    assert frame(client)["code"] == "invalid_message"


def test_three_errors_in_a_row_close_the_connection(client):
    for _ in range(3):
        client.send("nonsense")
    assert [frame(client)["code"] for _ in range(3)] == ["invalid_json"] * 3
    assert end_of(client)[0] == 1008


def test_errors_with_something_sensible_between_do_not_close(client):
    for _ in range(3):
        client.send("nonsense")
        client.send("nonsense")
        say(client, "ping")
    kinds = [frame(client)["type"] for _ in range(9)]
    assert kinds == ["error", "error", "pong"] * 3


def test_a_message_that_is_too_large_closes_with_1009(client, settings):
    client.send(json.dumps({"type": "ping", "filling": "x" * settings.WEBSOCKET_MAX_MESSAGE_SIZE}))
    assert frame(client)["code"] == "too_large"
    assert end_of(client)[0] == 1009


def test_a_message_is_measured_in_bytes(client, settings):
    client.send(
        json.dumps({"type": "ping", "x": "é" * (settings.WEBSOCKET_MAX_MESSAGE_SIZE - 100)}, ensure_ascii=False)
    )
    assert end_of(client)[0] == 1009


def test_who_wants_nothing_and_says_nothing_is_idle(server, client, settings):
    say(client, "unsubscribe")
    say(client, "ping")
    frame(client)
    settings.WEBSOCKET_IDLE_TIMEOUT_SECONDS = -1
    server.check()
    assert end_of(client)[0] == 4408


def test_who_listens_without_a_word_is_never_idle(server, client, settings):
    settings.WEBSOCKET_IDLE_TIMEOUT_SECONDS = -1
    server.check()
    publish("front")
    assert frame(client)["seq"] == 1
