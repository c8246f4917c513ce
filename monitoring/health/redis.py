"""How Redis is. It may be away: then work waits in its rows, and the system is degraded, not down."""

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
    """Its name, version and latency. Warns of what would keep the queues from working, or lose jobs quietly."""

    name: str = "redis"

    def run(self) -> None:
        client = get_client(settings.REDIS_URL)
        began = time.monotonic()
        try:
            client.ping()
            latency_ms = (time.monotonic() - began) * 1000
            facts: dict[str, Any] = client.info()
        except NoPermissionError:  # the work needs neither of the two
            self.detail = "It answers. Its version and memory are closed to this user (INFO)."
            return
        except RedisError as error:
            raise ServiceWarning("Redis cannot be reached, so that work waits in its rows.") from error
        product = "Valkey" if "valkey_version" in facts else "Redis"
        version = str(facts.get("valkey_version") or facts.get("redis_version"))
        self.detail = f"{product} {version} answers within {latency_ms:.0f} ms."
        if fault := _fault(facts, product, version):
            raise ServiceWarning(fault)


@dataclass
class ChannelLayerCheck(NamedCheck):
    """Whether this process sends and hears hints. Without them the stream looks at its table every second."""

    name: str = "channel_layer"

    def run(self) -> None:
        if not wakeup.layer_breaker.is_closed:
            raise ServiceWarning("It is left alone after failures: messages of the stream come up to a second later.")
        self.detail = "Hints between processes flow."


def _fault(facts: dict[str, Any], product: str, version: str) -> str:
    """What keeps it from being of use here; empty where nothing does."""
    if product == "Redis" and tuple(int(part) for part in version.split(".")[:2]) < OLDEST_VERSION:
        return f"Redis {version} is too old: {'.'.join(map(str, OLDEST_VERSION))} or newer is needed."
    if facts.get("role") != "master":
        return f"{product} is a read-only replica, so that work waits in its rows."
    most = facts.get("maxmemory", 0)
    if most and facts.get("used_memory", 0) > most:
        return f"{product} is out of memory, so that work waits in its rows."
    if most and facts.get("maxmemory_policy") != "noeviction":
        return f"{product} may throw jobs away when memory is short: set maxmemory-policy to noeviction."
    return ""
