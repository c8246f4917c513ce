"""Who may come in: recognised, and not too often. The same counters as those of requests."""

from __future__ import annotations

import math

from events.stream.protocol import Close
from events.stream.topics import Topic
from events.stream.viewer import UNKNOWN_SESSION, UNKNOWN_TOKEN, Credentials, Refusal, Viewer, recognise
from hsi.errors import RateLimitError
from hsi.models import digest
from hsi.security import rate_limit


def let_in(credentials: Credentials, topic: Topic, network: str) -> Viewer | Refusal:
    """Look up who comes from `network`, and count it as `hsi.security.authentication` counts requests."""
    shown = credentials.token or credentials.session
    try:
        if shown:
            rate_limit.refuse_lookup(shown, network)
    except RateLimitError as error:
        return _later("Too many invalid tokens.", error.retry_after_seconds)
    viewer = recognise(credentials, topic)
    if shown and viewer in (UNKNOWN_TOKEN, UNKNOWN_SESSION):
        rate_limit.count_wrong(network)
    elif isinstance(viewer, Viewer):
        rate_limit.remember_valid(shown)
    if isinstance(viewer, Refusal):
        wait_seconds = rate_limit.allow("websocket", network)
    elif credentials.token:
        wait_seconds = rate_limit.allow("websocket", f"token{digest(credentials.token)[:16]}")
    else:
        wait_seconds = rate_limit.allow("websocket", f"user{viewer.user_id}", is_person=True)
    return _later("Too many new connections.", wait_seconds) if wait_seconds else viewer


def _later(why: str, wait_seconds: float) -> Refusal:
    return Refusal(Close.TOO_MANY, f"{why} Try again in {math.ceil(wait_seconds)} s.")
