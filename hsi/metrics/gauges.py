"""Current values of each process, such as connected clients, as rows that every process can read."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import QuerySet, Sum

from hsi.db import clock
from hsi.models import GaugeValue

STREAM_CLIENTS = "stream_clients"
WRITTEN_SECONDS = 5.0
ALIVE = timedelta(seconds=20)  # a process that has not written for this long has ended

_registered: dict[str, Callable[[], float]] = {}
_written: dict[str, float] = {}


def register(name: str, value: Callable[[], float]) -> None:
    """Register a gauge. `value` is called every few seconds, from any thread."""
    _registered[name] = value


def flush() -> None:
    """Write the gauges of this process that are due. Raises DatabaseError or InterfaceError."""
    if not _registered:
        return
    now = clock.now()
    for name, value in list(_registered.items()):
        if now.timestamp() - _written.get(name, 0.0) >= WRITTEN_SECONDS:
            process = f"{socket.gethostname()}:{os.getpid()}"
            GaugeValue.objects.update_or_create(
                name=name, process=process, defaults={"value": value(), "recorded_at": now}
            )
            _written[name] = now.timestamp()


def total(name: str) -> float:
    """Return the sum of a gauge over all running processes."""
    rows = GaugeValue.objects.filter(name=name, recorded_at__gte=clock.now() - ALIVE)
    return float(rows.aggregate(sum=Sum("value"))["sum"] or 0)


def expired(now: datetime) -> QuerySet[GaugeValue]:
    """Return the figures of processes that ended."""
    return GaugeValue.objects.filter(recorded_at__lt=now - timedelta(days=1))
