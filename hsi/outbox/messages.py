"""The types of messages of the live stream, and the schema of each one's `data`.

Each app registers its own types in `AppConfig.ready()`. The published schema is made from them, and every message
that the tests see sent is held against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Literal, TypedDict

from hsi.circuit_breaker import Phase
from hsi.times import iso

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


_schemas: dict[str, type] = {}


def register(kind: str, data: type) -> None:
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
    """`reason` is an error's code, `detail` is for people."""
    return {
        "service": service,
        "status": status,
        "reason": reason,
        "detail": detail,
        "breaker": breaker,
        "retry_at": iso(retry_at),
    }
