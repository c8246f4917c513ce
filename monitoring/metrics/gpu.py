"""GPU figures from the library of NVIDIA. A missing card or driver is a state and not an error."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, TypedDict

import pynvml
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from hsi.outbox import publish
from hsi.outbox.messages import NO_CAMERA, Message
from hsi.times import iso
from monitoring.models import GpuSample

logger = logging.getLogger(__name__)

ABSENT_SECONDS = 60.0  # interval of the checks without a card
REASONS = {
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: "There is no NVIDIA driver on this machine.",
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "The NVIDIA driver is not loaded.",
    pynvml.NVML_ERROR_NO_PERMISSION: "This user has no permission to use the NVIDIA driver.",
}


class NoGpuError(Exception):
    """No graphics card is available. The message is for people."""


@dataclass(frozen=True, slots=True)
class Card:
    """Current figures of a card, with the fields of `GpuSample`. None: not supported by the driver."""

    gpu: int
    name: str
    utilization_percent: int | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    temperature_celsius: int | None
    power_watts: float | None


class GpuCardData(TypedDict):
    """The last figures of a graphics card. Null: not supported by its driver."""

    recorded_at: str
    host: str
    gpu: int
    name: str
    utilization_percent: int | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    temperature_celsius: int | None
    power_watts: float | None


class GpuStatsData(TypedDict):
    """New figures of the graphics cards of one machine."""

    cards: list[GpuCardData]


def read() -> list[Card]:
    """Read every card of this machine. Raises NoGpuError."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise NoGpuError(_reason(error)) from error
    try:
        cards = list(_cards())
    except pynvml.NVMLError as error:
        raise NoGpuError(_reason(error)) from error
    finally:
        pynvml.nvmlShutdown()
    if not cards:
        raise NoGpuError("The NVIDIA driver finds no card.")
    return cards


def why_none() -> str:
    """Return why there are no figures."""
    try:
        read()
    except NoGpuError as why:
        return str(why)
    return "There are no recent samples. Is housekeeping running?"


def _cards() -> Iterator[Card]:
    for number in range(pynvml.nvmlDeviceGetCount()):
        card = pynvml.nvmlDeviceGetHandleByIndex(number)
        memory = _query(pynvml.nvmlDeviceGetMemoryInfo, card)
        use = _query(pynvml.nvmlDeviceGetUtilizationRates, card)
        power = _query(pynvml.nvmlDeviceGetPowerUsage, card)
        yield Card(
            gpu=number,
            name=str(_query(pynvml.nvmlDeviceGetName, card) or "unknown")[:120],
            utilization_percent=use and use.gpu,
            memory_used_bytes=memory and memory.used,
            memory_total_bytes=memory and memory.total,
            temperature_celsius=_query(pynvml.nvmlDeviceGetTemperature, card, pynvml.NVML_TEMPERATURE_GPU),
            power_watts=None if power is None else power / 1000,
        )


def _query(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the value, or None if the card does not support the query."""
    try:
        return function(*arguments)
    except pynvml.NVMLError:
        return None


def _reason(error: pynvml.NVMLError) -> str:
    return REASONS.get(error.value, f"The NVIDIA driver says: {error}.")


class Poller:
    """Writes a sample of each card at intervals, and checks less often without a card."""

    def __init__(self, cards: Callable[[], list[Card]] = read) -> None:
        self._read = cards
        self._due_at = time.monotonic()
        self._there = True

    def wait_seconds(self) -> float:
        return max(0.0, self._due_at - time.monotonic())

    def poll(self, now: datetime | None = None) -> int:
        """Write the samples that are due, and return their number."""
        if self.wait_seconds() > 0:
            return 0
        try:
            cards = self._read()
        except NoGpuError as why:
            if self._there:
                logger.info("No figures of graphics cards: %s", why)
            self._there, self._due_at = False, time.monotonic() + ABSENT_SECONDS
            return 0
        self._there, self._due_at = True, time.monotonic() + settings.GPU_POLL_INTERVAL_SECONDS
        at, host = now or timezone.now(), socket.gethostname()[:120]
        samples = [GpuSample(recorded_at=at, host=host, **asdict(card)) for card in cards]
        data: GpuStatsData = {"cards": [card_data(sample) for sample in samples]}
        with transaction.atomic():
            GpuSample.objects.bulk_create(samples)
            publish.publish(Message("gpu.stats", NO_CAMERA, data))
        return len(cards)


def card_data(row: GpuSample) -> GpuCardData:
    return {
        "recorded_at": iso(row.recorded_at),
        "host": row.host,
        "gpu": row.gpu,
        "name": row.name,
        "utilization_percent": row.utilization_percent,
        "memory_used_bytes": row.memory_used_bytes,
        "memory_total_bytes": row.memory_total_bytes,
        "temperature_celsius": row.temperature_celsius,
        "power_watts": row.power_watts,
    }


def expired(now: datetime) -> QuerySet[GpuSample]:
    """Return the samples that are too old."""
    return GpuSample.objects.filter(recorded_at__lt=now - timedelta(minutes=settings.GPU_STATS_HISTORY_MINUTES))
