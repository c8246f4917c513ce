"""Rate limits per client and category of request.

A sliding window is computed from two counters: the current minute, and the part of the previous minute within the last
sixty seconds. Both are in the shared cache and use its atomic `incr`, so several processes together admit no more than
one would. Without the cache there is no limit.
"""

from __future__ import annotations

import logging
import math
import re
import time
from dataclasses import dataclass
from typing import NewType

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

from hsi import process_state
from hsi.errors import RateLimitError
from hsi.http import refusal_log
from hsi.http.request_state import state_of
from hsi.models import digest

logger = logging.getLogger(__name__)

# The text of a token, or a session key: a secret. The client that sends it is a text too, and goes to logs.
Credential = NewType("Credential", str)
NO_CREDENTIAL = Credential("")

WINDOW_SECONDS = 60
# Browser pages send many requests at once and ignore Retry-After, so sessions get a higher limit than API tokens.
PEOPLE = 5
# The setting with the limit per minute, by category.
LIMITS = {
    "general": "RATE_LIMIT_REQUESTS_PER_MINUTE",
    "media": "RATE_LIMIT_MEDIA_REQUESTS_PER_MINUTE",
    "search": "RATE_LIMIT_SEARCH_REQUESTS_PER_MINUTE",
    "export": "RATE_LIMIT_EXPORT_REQUESTS_PER_MINUTE",
    "upload": "RATE_LIMIT_UPLOAD_REQUESTS_PER_MINUTE",
    "ai": "RATE_LIMIT_AI_REQUESTS_PER_MINUTE",
    "websocket": "RATE_LIMIT_WEBSOCKET_CONNECTIONS_PER_MINUTE",
    "wrong": "RATE_LIMIT_WRONG_TOKENS_PER_MINUTE",
}
# The category of an address: the first pattern that matches (method, space, path); else a search if it has search
# words, else general.
KINDS = (
    ("upload", re.compile(r"^POST /api/cameras/[^/]+/uploads$")),
    ("media", re.compile(r"/(snapshot|thumbnail|file|clip|preview|frame)$")),
    ("export", re.compile(r"/export$")),
    ("ai", re.compile(r"^POST .*/(reanalyse|test)$")),
    ("search", re.compile(r"/search(/|$)")),
)
# Never counted, because supervisors must always get through.
UNCOUNTED = frozenset({"/health/live", "/health/ready"})
# A valid credential is remembered for this long.
KNOWN_SECONDS = 600
MAX_NOTED = 10_000
_noted: dict[str, float] = {}  # when each is to be stored again, on the monotonic clock


@dataclass(frozen=True, slots=True)
class RateLimitResult:
    """The limit per minute, what remains of it, and `wait_seconds`, which is 0 if the request is allowed."""

    limit: int
    remaining: int
    wait_seconds: float

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(math.ceil(self.wait_seconds) or WINDOW_SECONDS),
        }


def kind_of(request: HttpRequest) -> str:
    text = f"{request.method} {request.path_info}"
    otherwise = "search" if request.GET.get("q") else "general"
    return next((kind for kind, pattern in KINDS if pattern.search(text)), otherwise)


def count(request: HttpRequest, who: str, *, is_person: bool = False) -> None:
    """Count a request of `who`. Raise RateLimitError if it is above the limit."""
    if not settings.RATE_LIMIT_ENABLED or request.path_info in UNCOUNTED:
        return
    result = check(kind_of(request), who, PEOPLE if is_person else 1)
    state_of(request).rate_limit_headers = result.headers
    if result.wait_seconds:
        raise RateLimitError(retry_after_seconds=result.wait_seconds)


def allow(kind: str, who: str, *, is_person: bool = False) -> float:
    """Count a request of `kind` for `who`. Return 0 if it is allowed, else the seconds to wait. For the handshake."""
    return check(kind, who, PEOPLE if is_person else 1).wait_seconds if settings.RATE_LIMIT_ENABLED else 0


def refuse_lookup(credential: Credential, who: str) -> None:
    """Raise RateLimitError after too many invalid credentials from `who`, unless this one was valid recently.

    A database query costs more than a counter, so a guesser gets none. Clients that share the address of a guesser keep
    working with their known credentials.
    """
    if not settings.RATE_LIMIT_ENABLED:
        return
    if (until := cache.get(f"rate:guesser:{who}")) and not cache.get(_known(credential)):
        raise RateLimitError("Too many invalid tokens.", retry_after_seconds=until - time.time())


def count_wrong(who: str) -> None:
    """Count an invalid token or session from `who`, each time it is sent."""
    if settings.RATE_LIMIT_ENABLED and (wait_seconds := allow("wrong", who)):
        cache.set(f"rate:guesser:{who}", time.time() + wait_seconds, math.ceil(wait_seconds))
        refusal_log.record(who, "too many wrong tokens")


def remember_valid(credential: Credential) -> None:
    """Remember a credential as valid. Writes to the shared cache now and then, not with each request."""
    if not settings.RATE_LIMIT_ENABLED:
        return
    key, now = _known(credential), time.monotonic()
    if _noted.get(key, 0.0) < now:
        if len(_noted) >= MAX_NOTED:
            _noted.clear()
        _noted[key] = now + KNOWN_SECONDS / 2
        cache.set(key, 1, KNOWN_SECONDS)


def forget() -> None:
    """Drop the credentials that this process knows as valid."""
    _noted.clear()


process_state.register(forget)


def _known(credential: Credential) -> str:
    return f"rate:known:{digest(credential)}"


def check(kind: str, who: str, times: int = 1, *, now: float | None = None) -> RateLimitResult:
    """Count a request of `kind` for `who` unless it is above the limit. `times` multiplies the limit."""
    now = time.time() if now is None else now
    limit = int(getattr(settings, LIMITS[kind])) * times + settings.RATE_LIMIT_BURST
    window, into = divmod(now, WINDOW_SECONDS)
    key = f"rate:{kind}:{who}:{int(window)}"
    current = _raise(key)
    if current is None:
        return RateLimitResult(limit, limit, 0)
    before = cache.get(f"rate:{kind}:{who}:{int(window) - 1}", 0)
    reaching = before * (1 - into / WINDOW_SECONDS)
    if current + reaching <= limit:
        return RateLimitResult(limit, int(limit - current - reaching), 0)
    _lower(key)  # a rejected request does not count, so that retrying too early does not extend the wait
    return RateLimitResult(limit, 0, _wait_seconds(current - 1, before, limit, into))


def _raise(key: str) -> int | None:
    """Increment and return a counter, or return None if the cache stores nothing."""
    for _ in range(2):
        try:
            return int(cache.incr(key))
        except ValueError:
            cache.add(key, 0, 2 * WINDOW_SECONDS)
    return None


def _lower(key: str) -> None:
    try:
        cache.decr(key)
    except ValueError:
        logger.debug("The counter %s is gone", key)


def _wait_seconds(current: int, before: int, limit: int, into: float) -> float:
    """Return the seconds until one more request fits."""
    if current + 1 <= limit:
        return max(0.001, WINDOW_SECONDS * (1 - (limit - current - 1) / before) - into)
    return WINDOW_SECONDS - into + WINDOW_SECONDS * (1 - (limit - 1) / current)
