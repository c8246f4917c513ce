from __future__ import annotations

import pytest

from hsi.queues import backends


@pytest.mark.parametrize(
    ("queue", "redis_url", "chosen"),
    [
        ("auto", "", "database"),
        ("auto", "redis://localhost/0", "redis"),
        ("database", "redis://localhost/0", "database"),
        ("redis", "redis://localhost/0", "redis"),
    ],
)
def test_auto_takes_redis_where_its_address_is_set(settings, queue, redis_url, chosen):
    settings.QUEUE, settings.REDIS_URL = queue, redis_url
    assert backends.chosen() == chosen
    assert backends.load(chosen).__module__ == f"hsi.queues.{chosen}"
