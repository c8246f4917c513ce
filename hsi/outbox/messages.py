"""The types of messages of the live stream, and the shape of each one's `data`.

The list names shapes of other apps as strings. The published schema is made from it, and every message that
the tests see sent is held against it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypedDict

from django.utils.module_loading import import_string

from hsi.circuit_breaker import Phase
from hsi.times import iso

SHAPES = {
    "event.created": "events.serializers.EventData",
    "event.updated": "events.serializers.EventData",
    "event.deleted": "events.serializers.EventDeletedData",
    "alert.created": "events.alerting.serializers.AlertData",
    "alert.updated": "events.alerting.serializers.AlertData",
    "detection.created": "detection.serializers.DetectionCreatedData",
    "batch.closed": "detection.serializers.BatchClosedData",
    "camera.status": "cameras.serializers.CameraStatusData",
    "system.status": "monitoring.health.monitor.SystemStatusData",
    "service.status": "hsi.outbox.messages.ServiceStatusData",
    "worker.status": "hsi.outbox.messages.WorkerStatusData",
    "queue.pressure": "hsi.outbox.messages.QueuePressureData",
    "gpu.stats": "monitoring.metrics.gpu.GpuStatsData",
}

Health = Literal["healthy", "degraded"]


class ServiceStatusData(TypedDict):
    """A part that others lean on has failed or is back. `breaker` and `retry_at` are null where it has no breaker."""

    service: str
    status: Health
    reason: str
    detail: str
    breaker: Phase | None
    retry_at: str | None


class WorkerStatusData(TypedDict):
    """A loop of one process has begun, failed, fallen silent, recovered or ended."""

    name: str
    kind: str
    host: str
    pid: int
    status: Literal["running", "failing", "silent", "stopped"]
    detail: str
    jobs_done: int
    beat_at: str


class QueuePressureData(TypedDict):
    """A queue is nearly full, or no longer. `pressure` is its jobs by `max_size`."""

    queue: str
    state: Literal["high", "normal"]
    jobs: int
    max_size: int
    pressure: float
    policy: str


def shape(kind: str) -> Any:
    """The `TypedDict` of the data of such a message. Raises `KeyError` for a type that is not in the list."""
    return import_string(SHAPES[kind])


def service_status(
    service: str,
    status: Health,
    *,
    reason: str = "",
    detail: str = "",
    breaker: Phase | None = None,
    retry_at: datetime | None = None,
) -> ServiceStatusData:
    """`reason` is an error's code, `detail` is for people."""
    return {
        "service": service,
        "status": status,
        "reason": reason,
        "detail": detail,
        "breaker": breaker,
        "retry_at": iso(retry_at),
    }
