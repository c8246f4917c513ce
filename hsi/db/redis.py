"""Redis, as this system reaches it: one pooled client a process and URL.

Lost connections are tried again a few times with back-off and jitter, so that a restart is not
noticed. An answer that does not come is not asked for again: whoever waits has waited long enough.
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
# Streams with XAUTOCLAIM that forgets deleted entries, and scripts that are either denied memory as a whole or not.
OLDEST_VERSION = (7, 0)


@cache
def get_client(url: str) -> Redis:
    """The client of this process for `url`. Connects on first use; safe to share between threads."""
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
    """Jobs are read from the bare answer: a dictionary for each would cost more than the round trip."""
    return answer
