"""Hints between processes, through a real channel layer."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic
from typing import Any

import pytest
from channels.layers import channel_layers
from django.conf import settings as django_settings
from redis.exceptions import ConnectionError as RedisConnectionError

from events.stream import wakeup_listener
from hsi.outbox import wakeup
from tests.engines.private_valkey import PrivateValkey, private_valkey

pytestmark = pytest.mark.one_engine

SENDER = """
import sys, threading
import django
django.setup()
from hsi.outbox import wakeup
for line in sys.stdin:
    wakeup.notify()
"""


@pytest.fixture
def server(settings) -> Iterator[PrivateValkey]:
    with private_valkey() as server:
        layer = {"prefix": "hsi:channels", "hosts": [{"address": server.url, "socket_timeout": 10.0}]}
        settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": layer}}
        channel_layers.backends.clear()
        yield server
        channel_layers.backends.clear()


class Ear:
    """Follows hints as a web process does."""

    def __init__(self) -> None:
        self.heard = threading.Semaphore(0)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Ear:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _listen(self) -> None:
        async def follow() -> None:
            await wakeup_listener.follow(self.heard.release)

        self._task = self._loop.create_task(follow())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.close()

    def hears(self, seconds: float = 15) -> bool:
        return self.heard.acquire(timeout=seconds)

    def forget(self) -> None:
        while self.heard.acquire(blocking=False):
            pass


def test_a_hint_reaches_another_process(server, child_environment):
    environment = {**child_environment, "REDIS_URL": server.url}
    with (
        Ear() as ear,
        subprocess.Popen([sys.executable, "-c", SENDER], env={**environment, "DJANGO_SETTINGS_MODULE": "hsi.settings"},
                         stdin=subprocess.PIPE, text=True) as child,
    ):  # fmt: skip
        assert child.stdin
        assert ear.hears()  # it hears once when it begins
        for _ in range(3):
            ear.forget()
            child.stdin.write("send\n")
            child.stdin.flush()
            assert ear.hears()
        child.stdin.close()


def test_an_ear_that_hears_nothing_for_long_stays_a_member(server, caplog):
    with Ear() as ear:
        assert ear.hears()
        assert not ear.hears(seconds=6)  # longer than one wait inside Redis
        wakeup.notify()
        assert ear.hears(seconds=3)
    assert "No hints" not in caplog.text


def test_a_redis_that_is_away_or_hangs_keeps_no_commit_waiting(server):
    wakeup.notify()
    server.say("CLIENT", "PAUSE", 2000)
    assert seconds_of_a_hundred() < 1
    server.stop()
    assert seconds_of_a_hundred() < 1


def seconds_of_a_hundred() -> float:
    began = monotonic()
    for _ in range(100):
        wakeup.notify()
    return monotonic() - began


def test_hints_flow_again_when_redis_is_back(server):
    server.stop()
    wakeup.notify()
    server.start()
    with Ear() as ear:
        assert ear.hears()
        ear.forget()
        wakeup.notify()
        assert ear.hears()


class BrokenGoodbye:
    """A layer on which nothing comes, and from which nobody can take leave."""

    def __init__(self) -> None:
        self.is_heard = asyncio.Event()
        self.is_back = False

    async def new_channel(self) -> str:
        return "a.channel"

    async def group_add(self, group: str, channel: str) -> None:
        pass

    async def receive(self, channel: str) -> None:
        self.is_heard.set()
        await asyncio.Event().wait()

    async def group_discard(self, group: str, channel: str) -> None:
        if not self.is_back:
            raise RedisConnectionError("it went away")


async def test_following_ends_when_it_is_told_to_although_redis_went_away(monkeypatch: pytest.MonkeyPatch):
    layer = BrokenGoodbye()
    monkeypatch.setattr(wakeup_listener, "get_channel_layer", lambda: layer)
    following = asyncio.create_task(wakeup_listener.follow(lambda: None))
    await asyncio.wait_for(layer.is_heard.wait(), 10)
    following.cancel()
    ended, _ = await asyncio.wait({following}, timeout=5)
    layer.is_back = True
    following.cancel()
    assert ended == {following}


class ForgetfulLayer(BrokenGoodbye):
    """A layer whose client forgets the first cancellation, as `asyncio.wait_for` before Python 3.12 may."""

    def __init__(self) -> None:
        super().__init__()
        self.is_back = True

    async def receive(self, channel: str) -> None:
        self.is_heard.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()


async def test_following_ends_when_it_is_told_to_although_the_client_forgets_it(monkeypatch: pytest.MonkeyPatch):
    layer = ForgetfulLayer()
    monkeypatch.setattr(wakeup_listener, "get_channel_layer", lambda: layer)
    following = asyncio.create_task(wakeup_listener.follow(lambda: None))
    await asyncio.wait_for(layer.is_heard.wait(), 10)
    following.cancel()
    ended, _ = await asyncio.wait({following}, timeout=10)
    following.cancel()
    assert ended == {following}
    assert following.cancelled()


async def test_a_membership_is_renewed_although_the_client_forgets_that_its_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
):
    layer, heard = ForgetfulLayer(), asyncio.Semaphore(0)
    monkeypatch.setattr(wakeup_listener, "get_channel_layer", lambda: layer)
    monkeypatch.setattr(wakeup_listener, "RENEW_SECONDS", 0.05)
    following = asyncio.create_task(wakeup_listener.follow(heard.release))
    async with asyncio.timeout(10):
        await heard.acquire()  # at the beginning of one membership
        await heard.acquire()  # and of the next
    following.cancel()
    await asyncio.wait({following}, timeout=10)


def test_receivers_may_wait_inside_redis_longer_than_an_answer_takes():
    from channels_redis.core import RedisChannelLayer

    hosts: Any = django_settings.CHANNELS_ON_REDIS["hosts"]
    assert hosts[0]["socket_timeout"] > RedisChannelLayer.brpop_timeout
