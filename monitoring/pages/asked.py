"""What may hang is asked in a thread of its own, so that the page is there at once and says what it does not know."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Literal, TypedDict, TypeVar

from django.conf import settings

from hsi.queues import Depth, QueueUnavailableError, backends
from monitoring import health
from monitoring.aihealth import BreakersCheck, service_checks
from monitoring.folderhealth import folder_check
from monitoring.kept import Asked
from monitoring.migrationhealth import MigrationCheck
from monitoring.outcomehealth import NotificationsCheck, UploadsCheck
from monitoring.redishealth import ChannelLayerCheck, RedisCheck

WAIT_SECONDS = 0.7
DEPTHS_KEPT_SECONDS = 1.0
ASKING = "It has been asked and has not answered yet."
T = TypeVar("T")

_redis = Asked[health.Outcome](5.0)
_depths = Asked[dict[str, Depth]](DEPTHS_KEPT_SECONDS)


class Answer(TypedDict):
    """How a part is. `unknown`: it has not answered yet."""

    status: Literal["healthy", "degraded", "unhealthy", "unknown"]
    detail: str


def depths() -> dict[str, Depth] | None:
    """How full the queues are; None where they cannot be reached, or do not answer soon."""
    try:
        if backends.chosen() != "redis":
            return health.queue_depths()
        return _soon(_depths.start(health.queue_depths, settings.REDIS_URL))
    except QueueUnavailableError:
        return None


def answers(known: dict[str, Depth] | None) -> dict[str, Answer]:
    """Every check of `/api/system/health`, without waiting for those that do not answer soon."""
    asked = [*service_checks(), folder_check()]
    first = health.report([health.DatabaseCheck(), health.QueuesCheck(depths=_told(known))], for_staff=True)
    here: list[health.NamedCheck] = [MigrationCheck(), health.WorkersCheck(), health.DiskCheck()]
    here += [health.CamerasCheck(), UploadsCheck(), BreakersCheck(), NotificationsCheck()]
    found: dict[str, Answer] = {name: _answer(outcome) for name, outcome in first.items()}
    if settings.REDIS_URL:
        redis = _redis.start(lambda: health.outcome(RedisCheck(), for_staff=True), settings.REDIS_URL)
        found["redis"] = _answer(_soon(redis))
        here.append(ChannelLayerCheck())
    found |= {name: _answer(outcome) for name, outcome in health.report(here, for_staff=True).items()}
    for check in asked:
        answered = _settled(check.answer)
        found[check.name] = _answer(health.outcome(check, for_staff=True) if answered else None)
    return found


def _told(known: dict[str, Depth] | None) -> Callable[[], dict[str, Depth]]:
    def tell() -> dict[str, Depth]:
        if known is None:
            raise QueueUnavailableError
        return known

    return tell


def _answer(outcome: health.Outcome | None) -> Answer:
    if outcome is None:
        return {"status": "unknown", "detail": ASKING}
    return {"status": outcome["status"], "detail": outcome["detail"]}


def _settled(answer: Future[T]) -> bool:
    try:
        answer.exception(WAIT_SECONDS)
    except TimeoutError:
        return False
    return True


def _soon(answer: Future[T]) -> T | None:
    return answer.result() if _settled(answer) else None
