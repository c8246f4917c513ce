"""Workers of all processes, from their heartbeats."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from hsi.models import WorkerHeartbeat
from hsi.times import iso
from hsi.workers import heartbeat

SILENT = "silent"


class WorkerData(TypedDict):
    """A loop of a process. `state` is running, failing, stopped, or silent (no recent heartbeat)."""

    id: int
    name: str
    kind: str
    host: str
    pid: int
    state: str
    detail: str
    jobs_done: int
    started_at: str
    beat_at: str
    progressed_at: str


def worker_data(worker: WorkerHeartbeat, now: datetime) -> WorkerData:
    """Serialize a heartbeat. `now` is a time of the database clock."""
    return {
        "id": worker.pk,
        "name": worker.name,
        "kind": worker.kind,
        "host": worker.host,
        "pid": worker.pid,
        "state": SILENT if heartbeat.is_silent(worker, now) else worker.state,
        "detail": worker.detail,
        "jobs_done": worker.jobs_done,
        "started_at": iso(worker.started_at),
        "beat_at": iso(worker.beat_at),
        "progressed_at": iso(worker.progressed_at),
    }
