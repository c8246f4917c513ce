from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from channels_redis.core import RedisChannelLayer
from django.core.management import call_command, load_command_class

from events.notifications.channel_worker import WorkerThread
from events.notifications.deliveries import CHANNEL, MESSAGE, wakeup
from events.routing import stream_urlpatterns
from events.stream.handshake import SiteOriginValidator, TokenAuthMiddleware
from events.stream.hub import Hub
from tests import factories
from tests.engines.private_valkey import private_valkey
from tests.events.stream.streaming import PATIENCE_SECONDS, publish, token_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.made_up_messages]


def connect_to(hub: Hub, token: str, **headers: str) -> WebsocketCommunicator:
    application = SiteOriginValidator(TokenAuthMiddleware(URLRouter(stream_urlpatterns(hub))))
    pairs = {"host": "localhost", "authorization": f"Bearer {token}", **headers}
    return WebsocketCommunicator(application, "/ws/events", [(k.encode(), v.encode()) for k, v in pairs.items()])


def refuse(*args: Any, **kwargs: Any) -> None:
    raise AssertionError("a message takes this way")


def test_a_message_changes_no_thread_and_needs_no_channel_layer(monkeypatch):
    """The two costs of a stock consumer: `aclose_old_connections` for each event, and the layer for each message."""
    monkeypatch.setattr("channels.consumer.aclose_old_connections", refuse)
    monkeypatch.setattr("channels.consumer.get_channel_layer", refuse)
    token, hub = token_of(factories.admin()), Hub()

    async def converse() -> list[str]:
        client = connect_to(hub, token)
        assert (await client.connect(timeout=PATIENCE_SECONDS))[0]
        kinds = [(await client.receive_json_from(PATIENCE_SECONDS))["type"]]
        await client.send_json_to({"type": "ping"})
        kinds.append((await client.receive_json_from(PATIENCE_SECONDS))["type"])
        await asyncio.to_thread(publish, "front")
        kinds.append((await client.receive_json_from(PATIENCE_SECONDS))["type"])
        await client.disconnect(timeout=PATIENCE_SECONDS)
        return kinds

    assert asyncio.run(converse()) == ["connection.ready", "pong", "event.created"]


def test_a_consumer_that_the_server_cancels_leaves_the_hub():
    token, hub = token_of(factories.admin()), Hub()

    async def cancel() -> tuple[int, int]:
        client = connect_to(hub, token)
        await client.connect(timeout=PATIENCE_SECONDS)
        await client.receive_json_from(PATIENCE_SECONDS)
        before = len(hub.clients)
        client.future.cancel()
        await asyncio.wait({client.future})
        return before, len(hub.clients)

    assert asyncio.run(cancel()) == (1, 0)


@pytest.mark.parametrize("origin", ["http://localhost:99999", "ftp://localhost", "http://localhost.evil.example"])
def test_an_origin_that_is_not_the_sites_own_is_refused_before_it_is_accepted(origin):
    token = token_of(factories.admin())

    async def open_socket() -> bool:
        client = connect_to(Hub(), token, origin=origin)
        return bool((await client.connect(timeout=PATIENCE_SECONDS))[0])

    assert not asyncio.run(open_socket())


def wake_through_channel(url: str, woken: threading.Event) -> None:
    async def send() -> None:
        layer = RedisChannelLayer(hosts=[url])
        await layer.send(CHANNEL, {"type": MESSAGE})
        await layer.close_pools()

    for _ in range(PATIENCE_SECONDS):
        asyncio.run(send())
        if woken.wait(1):
            break
    assert woken.is_set()
    woken.clear()


@pytest.mark.one_engine
def test_a_message_of_the_channel_wakes_the_notifier_also_after_redis_was_away(settings, monkeypatch):
    monkeypatch.setattr("events.notifications.channel_worker.RETRY_SECONDS", 0.1)
    woken = threading.Event()
    with private_valkey() as valkey:
        settings.CHANNEL_LAYERS = {
            "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [valkey.url]}}
        }
        worker = WorkerThread([CHANNEL])
        wakeup.listen(woken.set)
        worker.start()
        try:
            wake_through_channel(valkey.url, woken)
            valkey.stop()
            valkey.start()
            wake_through_channel(valkey.url, woken)
        finally:
            wakeup.unlisten(woken.set)
            worker.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "channel-worker"]


@pytest.mark.one_engine
def test_runworker_is_channels_own_command_and_takes_any_channel(monkeypatch):
    from channels.management.commands import runworker

    served: list[str] = []
    monkeypatch.setattr("channels.worker.Worker.run", lambda worker: served.extend(worker.channels))
    assert isinstance(load_command_class("events", "runworker"), runworker.Command)
    call_command("runworker", "thumbnails", "reports")
    assert served == ["thumbnails", "reports"]
