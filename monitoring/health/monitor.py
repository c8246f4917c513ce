"""Messages about workers and the overall health, published by housekeeping.

Each change is published once, also with several processes.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from django.db import transaction

from hsi.db import clock
from hsi.models import LastPublishedState, WorkerHeartbeat
from hsi.outbox import publish
from hsi.outbox.messages import NO_CAMERA, Message, WorkerStatusData
from hsi.times import iso
from hsi.workers import heartbeat
from monitoring.health.checks import BEATS_LOOKED_AT, HEALTHY, Outcome, Status, overall, report
from monitoring.health.registry import all_checks

State = WorkerHeartbeat.State
SILENT = "silent"
# A worker that ended before its first message is not published.
HISTORY = (State.STOPPED, SILENT)


class SystemStatusData(TypedDict):
    """The overall health has changed. `checks` has the same form as in the health report."""

    status: Status
    checks: dict[str, Outcome]


def publish_workers(now: datetime | None = None) -> int:
    """Publish the workers whose state changed, and return their number. `now` is a time of the database clock."""
    now = now or clock.now()
    last_states = dict(LastPublishedState.objects.filter(pk__startswith="worker:").values_list("subject", "state"))
    newest = WorkerHeartbeat.objects.order_by("-beat_at")[:BEATS_LOOKED_AT]
    states = [(beat, _state(beat, now)) for beat in reversed(newest)]
    return sum(
        _publish_worker(beat, state) for beat, state in states if _is_news(last_states.get(_subject(beat)), state)
    )


def _is_news(last: str | None, state: str) -> bool:
    return state not in HISTORY if last is None else state != last


def _subject(beat: WorkerHeartbeat) -> str:
    return f"worker:{beat.name}"


def _state(beat: WorkerHeartbeat, now: datetime) -> str:
    return SILENT if heartbeat.is_silent(beat, now) else str(beat.state)


def _publish_worker(beat: WorkerHeartbeat, state: str) -> bool:
    data: WorkerStatusData = {
        "name": beat.name,
        "kind": beat.kind,
        "host": beat.host,
        "pid": beat.pid,
        "status": state,  # type: ignore[typeddict-item]  # one of the states, or silent
        "detail": beat.detail,
        "jobs_done": beat.jobs_done,
        "beat_at": iso(beat.beat_at),
    }
    with transaction.atomic():
        news = publish.record_change(_subject(beat), state, normal=HISTORY)
        if news:
            publish.publish(Message("worker.status", NO_CAMERA, data))
    return news


def publish_health() -> bool:
    """Run the checks, and publish the overall health if it changed. Return True if it did."""
    checks = report(all_checks(), for_staff=False)
    data: SystemStatusData = {"status": overall(checks), "checks": checks}
    with transaction.atomic():
        news = publish.record_change("system", data["status"], normal=(HEALTHY,))
        if news:
            publish.publish(Message("system.status", NO_CAMERA, data))
    return news
