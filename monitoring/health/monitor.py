"""What housekeeping notices and tells over the stream: workers that come, fail, fall silent and end; overall health.

Each change is one message, whoever notices it first.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from django.db import transaction

from hsi.db import clock
from hsi.models import ToldState, WorkerHeartbeat
from hsi.outbox import publish
from hsi.outbox.messages import Message, WorkerStatusData
from hsi.times import iso
from hsi.workers import heartbeat
from monitoring.health.checklist import all_checks
from monitoring.health.checks import BEATS_LOOKED_AT, HEALTHY, Outcome, Status, overall, report

State = WorkerHeartbeat.State
SILENT = "silent"
# One that was never told of, and is gone already, is history.
HISTORY = (State.STOPPED, SILENT)


class SystemStatusData(TypedDict):
    """The overall health has changed. `checks` are as in the health report."""

    status: Status
    checks: dict[str, Outcome]


def notice_workers(now: datetime | None = None) -> int:
    """Tell which workers have changed since they were last told of; how many. `now` is the database's clock."""
    now = now or clock.now()
    known = dict(ToldState.objects.filter(pk__startswith="worker:").values_list("subject", "state"))
    newest = WorkerHeartbeat.objects.order_by("-beat_at")[:BEATS_LOOKED_AT]
    states = [(beat, _state(beat, now)) for beat in reversed(newest)]
    return sum(_tell_worker(beat, state) for beat, state in states if _is_news(known.get(_subject(beat)), state))


def _is_news(last: str | None, state: str) -> bool:
    return state not in HISTORY if last is None else state != last


def _subject(beat: WorkerHeartbeat) -> str:
    return f"worker:{beat.name}"


def _state(beat: WorkerHeartbeat, now: datetime) -> str:
    return SILENT if heartbeat.is_silent(beat, now) else str(beat.state)


def _tell_worker(beat: WorkerHeartbeat, state: str) -> bool:
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
            publish.publish(Message("worker.status", "", data))
    return news


def notice_health() -> bool:
    """Run the checks, and tell the overall health where it has changed; whether it has."""
    checks = report(all_checks(), for_staff=False)
    data: SystemStatusData = {"status": overall(checks), "checks": checks}
    with transaction.atomic():
        news = publish.record_change("system", data["status"], normal=(HEALTHY,))
        if news:
            publish.publish(Message("system.status", "", data))
    return news
