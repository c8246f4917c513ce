"""Health of Redis. Without Redis, jobs wait in the database, and the system is degraded."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from health_check.exceptions import ServiceWarning
from redis.exceptions import NoPermissionError, RedisError

from hsi.db.redis import OLDEST_VERSION, get_client
from hsi.outbox import wakeup
from monitoring.health.checks import NamedCheck


@dataclass
class RedisCheck(NamedCheck):
    """Reports product, version and latency. Warns of settings that stop the queues or lose jobs."""

    name: str = "redis"

    def run(self) -> None:
        client = get_client(settings.REDIS_URL)
        began = time.monotonic()
        try:
            client.ping()
            latency_ms = (time.monotonic() - began) * 1000
            facts: dict[str, Any] = client.info()
        except NoPermissionError:  # the queues need neither PING nor INFO
            self.detail = "Available. This user may not read its version and memory (INFO)."
            return
        except RedisError as error:
            raise ServiceWarning("Redis is unavailable. Work waits in the database.") from error
        product = "Valkey" if "valkey_version" in facts else "Redis"
        version = str(facts.get("valkey_version") or facts.get("redis_version"))
        self.detail = f"{product} {version} responds within {latency_ms:.0f} ms."
        if fault := _fault(facts, product, version):
            raise ServiceWarning(fault)


@dataclass
class ChannelLayerCheck(NamedCheck):
    """Checks the wake-ups between processes. Without them the stream polls its table every second."""

    name: str = "channel_layer"

    def run(self) -> None:
        if not wakeup.layer_breaker.is_closed:
            raise ServiceWarning(
                "Circuit open after repeated failures. Live messages may be delayed by up to one second."
            )
        self.detail = "Wake-ups between processes work."


def redis_checks() -> list[NamedCheck]:
    """Return the checks of Redis, or none if it is not configured."""
    return [RedisCheck(), ChannelLayerCheck()] if settings.REDIS_URL else []


def _fault(facts: dict[str, Any], product: str, version: str) -> str:
    """Return why Redis cannot be used, or ""."""
    if product == "Redis" and tuple(int(part) for part in version.split(".")[:2]) < OLDEST_VERSION:
        return f"Redis {version} is too old: {'.'.join(map(str, OLDEST_VERSION))} or newer is needed."
    if facts.get("role") != "master":
        return f"{product} is a read-only replica. Work waits in the database."
    most = facts.get("maxmemory", 0)
    if most and facts.get("used_memory", 0) > most:
        return f"{product} is out of memory. Work waits in the database."
    if most and facts.get("maxmemory_policy") != "noeviction":
        return f"{product} may evict jobs when memory is short: set maxmemory-policy to noeviction."
    return ""
