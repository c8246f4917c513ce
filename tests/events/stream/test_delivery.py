from __future__ import annotations

import random
import re
import threading

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.db import connection

from cameras.models import Camera, CameraGrant
from hsi.models import StreamHead, StreamMessage
from hsi.outbox import wakeup
from tests.events.stream.streaming import (
    StreamServer,
    append_without_a_hint,
    frame,
    publish,
    ready,
    say,
    seqs,
    token_of,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.made_up_messages]


def test_the_first_frame_says_ready_with_the_newest_number(server, token, settings):
    publish("front", "back")
    with server.client(token=token) as client:
        first = frame(client)
    assert first["type"] == "connection.ready"
    assert first["seq"] == 2
    assert first["data"] == {"heartbeat_seconds": settings.WEBSOCKET_PING_INTERVAL_SECONDS}


def test_a_message_arrives_as_it_was_published(server, token):
    with server.client(token=token) as client:
        ready(client)
        publish("front", kind="event.updated", summary='Ünïcode "quotes" \\ \u2028', nested={"list": [1, None, 0.5]})
        message = frame(client)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", message.pop("time"))
    assert message == {
        "type": "event.updated",
        "seq": 1,
        "camera": "front",
        "data": {"summary": 'Ünïcode "quotes" \\ \u2028', "nested": {"list": [1, None, 0.5]}},
    }


def test_every_client_hears_every_message_in_order(server, token):
    with server.client(token=token) as one, server.client(token=token) as other:
        ready(one), ready(other)
        for _ in range(20):
            publish("front", "back")
        assert seqs(one, 40) == seqs(other, 40) == list(range(1, 41))


def test_messages_of_the_system_are_not_for_this_socket(server, token):
    with server.client(token=token) as client:
        ready(client)
        publish("", kind="system.status")
        publish("", kind="camera.status")
        assert frame(client)["type"] == "camera.status"


def test_connecting_with_a_number_gives_what_came_after_it(server, token):
    for _ in range(250):  # more than two pages
        publish("front")
    with server.client("?after=17", token=token) as client:
        assert ready(client) == 250
        assert seqs(client, 233) == list(range(18, 251))
        publish("front")
        assert seqs(client, 1) == [251]


def test_connecting_with_the_newest_number_repeats_nothing(server, token):
    publish("front", "front")
    with server.client("?after=2", token=token) as client:
        ready(client)
        publish("front")
        assert seqs(client, 1) == [3]


def test_a_listening_client_can_go_back(server, token):
    with server.client(token=token) as client:
        ready(client)
        publish("front", "front", "front")
        assert seqs(client, 3) == [1, 2, 3]
        say(client, "subscribe", after=1)
        assert frame(client)["type"] == "subscribed"
        publish("front")
        assert seqs(client, 3) == [2, 3, 4]


def test_what_is_no_longer_kept_is_a_gap_and_not_silence(server, token):
    for _ in range(5):
        publish("front")
    StreamMessage.objects.filter(seq__lte=3).delete()
    with server.client("?after=1", token=token) as client:
        ready(client)
        gap = frame(client)
        assert (gap["type"], gap["data"]) == ("stream.gap", {"oldest": 4})
        assert seqs(client, 2) == [4, 5]


def test_a_gap_up_to_the_newest_is_told_as_well(server, token):
    publish("front", "front", "front")
    StreamMessage.objects.all().delete()
    with server.client("?after=0", token=token) as client:
        ready(client)
        assert frame(client)["data"] == {"oldest": 4}
        publish("front")
        assert seqs(client, 1) == [4]


def test_nothing_is_missing_when_all_that_is_kept_follows(server, token):
    publish("front", "front", "front")
    StreamMessage.objects.filter(seq=1).delete()
    with server.client("?after=1", token=token) as client:
        ready(client)
        assert seqs(client, 2) == [2, 3]


def test_a_number_from_the_future_is_a_gap_and_goes_on_from_now(server, token):
    publish("front")
    with server.client("?after=900", token=token) as client:
        assert ready(client) == 1
        assert frame(client)["data"] == {"oldest": 2}
        publish("front")
        assert seqs(client, 1) == [2]


def test_numbers_that_go_back_are_told_to_those_who_listen(server, token):
    """A database is restored under a running process."""
    publish("front", "front", "front")
    with server.client(token=token) as client:
        ready(client)
        publish("front")
        assert seqs(client, 1) == [4]
        StreamMessage.objects.filter(seq__gt=1).delete()
        StreamHead.objects.update(seq=1)
        gap = frame(client)
        assert (gap["type"], gap["data"]) == ("stream.gap", {"oldest": 2})
        publish("front")
        assert seqs(client, 1) == [2]


@pytest.mark.parametrize("after", ["", "-1", "x", "1.5", "\u0661", "9" * 30])
def test_a_number_that_is_none_is_an_error_and_the_stream_goes_on(server, token, after):
    publish("front")
    with server.client(f"?after={after.encode().hex('%') if not after.isascii() else after}", token=token) as client:
        ready(client)
        assert frame(client)["code"] == "invalid_message"
        publish("front")
        assert seqs(client, 1) == [2]


def test_a_message_whose_hint_was_lost_still_arrives(server, token):
    with server.client(token=token) as client:
        ready(client)
        append_without_a_hint()
        assert seqs(client, 1) == [1]


def test_a_hint_of_another_process_wakes_the_hub(settings, valkey_url, token):
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [valkey_url]}}
    }
    layer = get_channel_layer()
    assert layer is not None
    server = StreamServer(poll_seconds=3600)
    try:
        with server.client(token=token) as client:
            ready(client)
            for seq in (1, 2, 3):  # joining the group wakes it once, so only later ones prove a wake-up
                append_without_a_hint()
                async_to_sync(layer.group_send)(wakeup.GROUP, {"type": "outbox.grown"})
                assert seqs(client, 1) == [seq]
    finally:
        server.stop()


def test_the_hub_rests_when_the_last_client_is_gone_and_wakes_for_the_next(server, token):
    for seq in (1, 2):
        with server.client(token=token) as client:
            ready(client)
            publish("front")
            assert seqs(client, 1) == [seq]


def publish_beside(count: int) -> list[threading.Thread]:
    """Two threads that publish `count` transactions each, with one to three messages."""

    def work(seed: int) -> None:
        pick = random.Random(seed)
        try:
            for _ in range(count):
                publish(*(pick.choice(("front", "back")) for _ in range(pick.randint(1, 3))))
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[seed]) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    return threads


def read_in_pieces(server: StreamServer, token: str, marker: str, pick: random.Random, most: int = 60) -> list[int]:
    """Every number up to the `marker` message, over connections that are cut after at most so many messages."""
    got: list[int] = []
    while True:
        with server.client(f"?after={got[-1] if got else 0}", token=token) as client:
            ready(client)
            for _ in range(pick.randint(1, most)):
                message = frame(client)
                if message["camera"] == marker:
                    return got
                got.append(message["seq"])
            client.socket.close()


def test_connections_that_are_cut_and_resumed_miss_nothing_and_repeat_nothing(server, token):
    """Some 500 messages, and each reader is cut and resumes more than 20 times."""
    writers = publish_beside(125)
    reader_got: list[list[int]] = []
    readers = [
        threading.Thread(
            target=lambda n=n: reader_got.append(read_in_pieces(server, token, "end", random.Random(n), 20))
        )
        for n in range(2)
    ]
    for reader in readers:
        reader.start()
    for writer in writers:
        writer.join(60)
    publish("end")
    for reader in readers:
        reader.join(60)
    newest = StreamHead.objects.get().seq
    assert newest > 20 * 20
    assert reader_got == [list(range(1, newest))] * 2


def test_a_resuming_viewer_of_one_camera_gets_that_camera_whole(server):
    viewer = User.objects.create_user("viewer")
    for name in ("front", "end"):
        CameraGrant.objects.create(camera=Camera.objects.create(id=name, name=name, folder=name), user=viewer)
    token = token_of(viewer)
    ending = threading.Thread(target=publish_the_end_after, args=[publish_beside(40)])
    ending.start()
    got = read_in_pieces(server, token, "end", random.Random(3))
    ending.join(60)
    assert got == list(StreamMessage.objects.filter(camera="front").order_by("seq").values_list("seq", flat=True))
    assert got


def publish_the_end_after(writers: list[threading.Thread]) -> None:
    for writer in writers:
        writer.join(60)
    publish("end")
    connection.close()
