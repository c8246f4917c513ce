from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

import pytest
import redis

from hsi.db.redis_cache import RedisCache
from tests.engines.private_valkey import PrivateValkey, private_valkey

pytestmark = pytest.mark.one_engine

OPTIONS = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5}


@pytest.fixture
def cache(valkey_url: str) -> RedisCache:
    return RedisCache(valkey_url, {"KEY_PREFIX": "hsi:cache", "OPTIONS": OPTIONS})


@pytest.fixture
def server() -> Iterator[PrivateValkey]:
    with private_valkey() as server:
        yield server


def test_it_is_a_cache(cache):
    assert cache.add("a", {"x": 1})
    assert not cache.add("a", 2)
    cache.set_many({"b": 2, "c": 3})
    assert cache.incr("b") == 3
    assert cache.get_many(["a", "b", "d"]) == {"a": {"x": 1}, "b": 3}
    assert cache.has_key("c")
    assert cache.touch("c")
    cache.delete_many(["b", "c"])
    assert cache.delete("a")
    assert not cache.delete("a")
    assert cache.get("b", "nothing") == "nothing"


def test_to_clear_it_leaves_what_is_not_its_own(cache, valkey_url):
    cache.set_many({str(number): number for number in range(2500)})
    with redis.Redis.from_url(valkey_url) as client:
        client.set("hsi:{detection_queue}:rows", "1")
        cache.clear()
        assert client.keys("*") == [b"hsi:{detection_queue}:rows"]


def test_without_redis_it_is_empty_and_takes_nothing(server, caplog):
    cache = RedisCache(server.url, {"KEY_PREFIX": "hsi:cache", "OPTIONS": OPTIONS})
    cache.set("a", 1)
    server.stop()
    began = monotonic()
    cache.set("a", 2)
    cache.set_many({"a": 2})
    cache.delete_many(["a"])
    cache.clear()
    assert cache.get("a", "nothing") == "nothing"
    assert cache.get_many(["a"]) == {}
    assert not any([cache.add("a", 1), cache.delete("a"), cache.touch("a"), cache.has_key("a")])
    with pytest.raises(ValueError, match="not found"):
        cache.incr("a")
    assert monotonic() - began < 2
    assert caplog.text.count("cannot be reached") == 1


def test_a_redis_that_hangs_is_waited_for_once(server, monkeypatch):
    cache = RedisCache(server.url, {"KEY_PREFIX": "hsi:cache", "OPTIONS": OPTIONS})
    cache.set("a", 1)
    server.say("CLIENT", "PAUSE", 60_000)
    began = monotonic()
    for _ in range(100):
        cache.get("a")
    assert monotonic() - began < 2


def test_it_is_back_when_redis_is(server, monkeypatch):
    monkeypatch.setattr("hsi.db.redis_cache.QUIET_SECONDS", 0)
    cache = RedisCache(server.url, {"KEY_PREFIX": "hsi:cache", "OPTIONS": OPTIONS})
    server.stop()
    assert cache.get("a") is None
    server.start()
    cache.set("a", 1)
    assert cache.get("a") == 1
