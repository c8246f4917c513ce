"""The messages of the live stream: their types, and the schema of the data of each type.

Each app registers the schemas of its own types in `AppConfig.ready()`. The published schema is made from them, and the
tests validate every message that is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal, NewType, TypedDict

from hsi.circuit_breaker import Phase
from hsi.times import iso

# The primary key of a camera. A type of its own: a camera has a name and a folder too, and the id decides who
# receives a message.
CameraId = NewType("CameraId", str)
NO_CAMERA = CameraId("")

# The contract of the stream: every type that a client can receive.
MessageType = Literal[
    "event.created",
    "event.updated",
    "event.deleted",
    "alert.created",
    "alert.updated",
    "detection.created",
    "batch.closed",
    "camera.status",
    "system.status",
    "service.status",
    "worker.status",
    "queue.pressure",
    "gpu.stats",
]
Health = Literal["healthy", "degraded"]


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the live stream. `camera` is the camera that it is about, or `NO_CAMERA`."""

    type: MessageType
    camera: CameraId
    data: Mapping[str, object]


class ServiceStatusData(TypedDict):
    """A service has failed or recovered. `breaker` and `retry_at` are null if it has no circuit breaker."""

    service: str
    status: Health
    reason: str
    detail: str
    breaker: Phase | None
    retry_at: str | None


class WorkerStatusData(TypedDict):
    """A loop of a process has started, failed, gone silent, recovered or stopped."""

    name: str
    kind: str
    host: str
    pid: int
    status: Literal["running", "failing", "silent", "stopped"]
    detail: str
    jobs_done: int
    beat_at: str


class QueuePressureData(TypedDict):
    """A queue is nearly full, or is so no longer. `pressure` is `jobs` divided by `max_size`."""

    queue: str
    state: Literal["high", "normal"]
    jobs: int
    max_size: int
    pressure: float
    policy: str


_schemas: dict[str, type] = {}


def register(kind: MessageType, data: type) -> None:
    """Declare a type of message: `data` is the `TypedDict` of its data."""
    _schemas[kind] = data


def schemas() -> Mapping[str, type]:
    """Return the `TypedDict` of the data of each type of message."""
    return MappingProxyType(_schemas)


def service_status(
    service: str,
    status: Health,
    *,
    reason: str = "",
    detail: str = "",
    breaker: Phase | None = None,
    retry_at: datetime | None = None,
) -> ServiceStatusData:
    """Return the data of a `service.status` message. `reason` is the code of an error, `detail` is for people."""
    return {
        "service": service,
        "status": status,
        "reason": reason,
        "detail": detail,
        "breaker": breaker,
        "retry_at": iso(retry_at),
    }
