"""Probes of the overview. Checks that may hang run in threads, so that they do not delay the page."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Literal, TypedDict, TypeVar

from django.conf import settings

from hsi.queues import Depth, QueueName, QueueUnavailableError, backends
from monitoring.health import checks
from monitoring.health.ai_services import BreakersCheck, service_checks
from monitoring.health.checks import CachedProbe
from monitoring.health.folders import folder_check
from monitoring.health.outcomes import NotificationsCheck, UploadsCheck
from monitoring.health.redis import ChannelLayerCheck, RedisCheck
from monitoring.health.schema_version import MigrationCheck

WAIT_SECONDS = 0.7
DEPTHS_KEPT_SECONDS = 1.0
PENDING = "No result yet."
T = TypeVar("T")

_redis = CachedProbe[checks.Outcome](5.0)
_depths = CachedProbe[dict[QueueName, Depth]](DEPTHS_KEPT_SECONDS)


class ProbeResult(TypedDict):
    """Result of a check. `unknown`: it has not responded yet."""

    status: Literal["healthy", "degraded", "unhealthy", "unknown"]
    detail: str


def depths() -> dict[QueueName, Depth] | None:
    """Return the depths of the queues, or None if they are unavailable or slow."""
    try:
        if backends.chosen() != "redis":
            return checks.queue_depths()
        return _soon(_depths.start(checks.queue_depths, settings.REDIS_URL))
    except QueueUnavailableError:
        return None


def answers(known: dict[QueueName, Depth] | None) -> dict[str, ProbeResult]:
    """Run every check of `/api/system/health`, without waiting for slow ones."""
    asked = [*service_checks(), folder_check()]
    first = checks.report([checks.DatabaseCheck(), checks.QueuesCheck(depths=_depths_or_raise(known))], for_staff=True)
    here: list[checks.NamedCheck] = [MigrationCheck(), checks.WorkersCheck(), checks.DiskCheck()]
    here += [checks.CamerasCheck(), UploadsCheck(), BreakersCheck(), NotificationsCheck()]
    results: dict[str, ProbeResult] = {name: _answer(outcome) for name, outcome in first.items()}
    if settings.REDIS_URL:
        redis = _redis.start(lambda: checks.outcome(RedisCheck(), for_staff=True), settings.REDIS_URL)
        results["redis"] = _answer(_soon(redis))
        here.append(ChannelLayerCheck())
    results |= {name: _answer(outcome) for name, outcome in checks.report(here, for_staff=True).items()}
    for check in asked:
        answered = _settled(check.answer)
        results[check.name] = _answer(checks.outcome(check, for_staff=True) if answered else None)
    return results


def _depths_or_raise(known: dict[QueueName, Depth] | None) -> Callable[[], dict[QueueName, Depth]]:
    def read() -> dict[QueueName, Depth]:
        if known is None:
            raise QueueUnavailableError
        return known

    return read


def _answer(outcome: checks.Outcome | None) -> ProbeResult:
    if outcome is None:
        return {"status": "unknown", "detail": PENDING}
    return {"status": outcome["status"], "detail": outcome["detail"]}


def _settled(answer: Future[T]) -> bool:
    try:
        answer.exception(WAIT_SECONDS)
    except TimeoutError:
        return False
    return True


def _soon(answer: Future[T]) -> T | None:
    return answer.result() if _settled(answer) else None
