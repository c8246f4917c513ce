from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from hsi.checks import check_queue
from monitoring.health import checks as health
from monitoring.health.redis import RedisCheck
from tests import factories
from tests.engines.private_valkey import PrivateValkey, private_valkey


@pytest.fixture
def server(settings) -> Iterator[PrivateValkey]:
    with private_valkey() as server:
        settings.REDIS_URL = server.url
        yield server


def outcome() -> tuple[str, str]:
    said = health.outcome(RedisCheck(), for_staff=False)
    return said["status"], said["detail"]


def test_a_redis_that_is_well_tells_its_version_and_latency(server):
    status, detail = outcome()
    version = server.say("INFO", "server")["valkey_version"]
    assert status == "healthy"
    assert detail.startswith(f"Valkey {version} responds within ")


def test_a_redis_that_is_away_degrades_and_says_what_follows(server):
    server.stop()
    status, detail = outcome()
    assert (status, detail) == ("degraded", "Redis is unavailable. Work waits in the database.")


@pytest.mark.parametrize("closed", ["info", "ping"])
def test_a_user_who_may_not_ask_for_details_is_told_so_and_all_is_well(server, settings, closed: str):
    server.say("ACL", "SETUSER", "hsi", "on", ">s3cr/et:pw@1", "~hsi:*", "&hsi:*", "+@all", f"-{closed}")
    settings.REDIS_URL = server.url.replace("://", "://hsi:s3cr%2Fet%3Apw%401@")
    assert outcome() == ("healthy", "Available. This user may not read its version and memory (INFO).")


@pytest.mark.parametrize(
    ("commands", "words"),
    [
        ([("REPLICAOF", "127.0.0.1", "1")], "read-only replica"),
        ([("CONFIG", "SET", "maxmemory", "1")], "out of memory"),
        (
            [("CONFIG", "SET", "maxmemory", "1gb"), ("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")],
            "maxmemory-policy to noeviction",
        ),
    ],
)
def test_what_keeps_it_from_being_of_use_is_said(server, commands, words):
    for command in commands:
        server.say(*command)
    status, detail = outcome()
    assert status == "degraded"
    assert words in detail


@pytest.mark.django_db(transaction=True)
def test_the_page_of_health_works_without_redis(client: Client, server, settings):
    settings.QUEUE = "redis"
    client.force_login(factories.admin())
    server.stop()
    response = client.get("/api/system/health")
    checks = response.json()["checks"]
    assert response.status_code == 200
    assert {name: checks[name]["status"] for name in ("database", "redis", "queues")} == {
        "database": "healthy",
        "redis": "degraded",
        "queues": "degraded",
    }


def test_a_redis_queue_without_an_address_is_a_fault_of_the_settings(settings):
    settings.QUEUE, settings.REDIS_URL = "redis", ""
    assert [fault.id for fault in check_queue(None)] == ["hsi.E003"]
    settings.REDIS_URL = "redis://localhost:6379/0"
    assert check_queue(None) == []
