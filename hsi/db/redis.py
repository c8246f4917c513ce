"""Access to Redis: one pooled client per process and URL.

Lost connections are retried a few times with back-off and jitter, so that a restart goes unnoticed. A timed-out request
is not repeated, because its caller has already waited.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 3.0
HEALTH_CHECK_SECONDS = 15
RETRIES = 3
RETRY_BASE_SECONDS, RETRY_CAP_SECONDS = 0.05, 0.5
# Version with XAUTOCLAIM that drops deleted entries, and with scripts that fail as a whole without memory.
OLDEST_VERSION = (7, 0)


@cache
def get_client(url: str) -> Redis:
    """Return the client of this process for `url`. It connects on first use and is thread-safe."""
    client = Redis.from_url(
        url,
        protocol=2,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        health_check_interval=HEALTH_CHECK_SECONDS,
        client_name=f"hsi-{os.getpid()}",
        retry=Retry(
            ExponentialWithJitterBackoff(base=RETRY_BASE_SECONDS, cap=RETRY_CAP_SECONDS),
            RETRIES,
            supported_errors=(RedisConnectionError,),
        ),
    )
    client.set_response_callback("XREADGROUP", _as_it_is)
    return client


def _as_it_is(answer: Any, **options: Any) -> Any:
    """Return the raw response, because a dictionary per job costs more than the round trip."""
    return answer
