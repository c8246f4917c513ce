"""Django's cache on Redis, which acts as an empty cache while Redis is unavailable.

`clear` removes only the entries of this system. The backend of Django would clear the whole database, which the queues
and channels share.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from django.core.cache.backends import redis as django_redis
from django_prometheus.cache.metrics import django_cache_get_fail_total
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from hsi.db.counted_cache import CountedReads

logger = logging.getLogger(__name__)

# After a failure, skip the cache for this long, and log at most this often.
QUIET_SECONDS = 2.0
LOGGED_EVERY_SECONDS = 60.0
CLEARED_AT_A_TIME = 1000

Answer = TypeVar("Answer")


class RedisCache(CountedReads, django_redis.RedisCache):
    """Read nothing and store nothing while Redis is unavailable."""

    backend = "redis"

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = RedisCacheClient

    def clear(self) -> None:
        client: RedisCacheClient = self._cache  # type: ignore[assignment]
        client.remove(f"{self.key_prefix}:*")


class RedisCacheClient(django_redis.RedisCacheClient):
    """Return the result of an empty, read-only cache for each call that Redis does not answer."""

    def __init__(self, servers: list[str], **options: Any) -> None:
        # Retry once for a stale connection. Callers of a cache do not wait longer.
        retry = Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))
        super().__init__(servers, **{"retry": retry, **options})
        self._quiet_until = self._log_at = float("-inf")

    def add(self, key: Any, value: Any, timeout: Any) -> bool:
        return self._ask(False, super().add, key, value, timeout)

    def get(self, key: Any, default: Any) -> Any:
        return self._ask(default, super().get, key, default)

    def set(self, key: Any, value: Any, timeout: Any) -> None:
        self._ask(None, super().set, key, value, timeout)

    def touch(self, key: Any, timeout: Any) -> bool:
        return self._ask(False, super().touch, key, timeout)

    def delete(self, key: Any) -> bool:
        return self._ask(False, super().delete, key)

    def get_many(self, keys: Iterable[Any]) -> dict[Any, Any]:
        return self._ask({}, super().get_many, keys)

    def has_key(self, key: Any) -> bool:
        return self._ask(False, super().has_key, key)

    def incr(self, key: Any, delta: int) -> Any:
        """Increment a value. Raise ValueError for a missing key, as the caches of Django do."""
        total = self._ask(None, super().incr, key, delta)
        if total is None:
            raise ValueError(f"Key {key!r} not found.")
        return total

    def set_many(self, data: Mapping[Any, Any], timeout: Any) -> None:
        self._ask(None, super().set_many, data, timeout)

    def delete_many(self, keys: Iterable[Any]) -> None:
        self._ask(None, super().delete_many, keys)

    def remove(self, pattern: str) -> None:
        """Delete every key that matches `pattern`, in bounded steps."""
        self._ask(None, self._remove, pattern)

    def _remove(self, pattern: str) -> None:
        client = self.get_client(None, write=True)
        cursor = None
        while cursor != 0:
            cursor, keys = client.scan(cursor or 0, pattern, CLEARED_AT_A_TIME)
            if keys:
                client.unlink(*keys)

    def _ask(self, otherwise: Answer, call: Callable[..., Answer], *arguments: Any) -> Answer:
        now = time.monotonic()
        if now < self._quiet_until:
            return otherwise
        try:
            return call(*arguments)
        except RedisError as error:
            django_cache_get_fail_total.labels(RedisCache.backend).inc()
            self._quiet_until = time.monotonic() + QUIET_SECONDS
            if now >= self._log_at:
                self._log_at = now + LOGGED_EVERY_SECONDS
                logger.warning("The cache cannot be reached and counts as empty: %s: %s", type(error).__name__, error)
            return otherwise
