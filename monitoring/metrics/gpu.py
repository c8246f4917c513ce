"""Graphics cards through NVIDIA's library. That there is none, or no driver, is a state to show and no error."""

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
from hsi.outbox.messages import Message
from hsi.times import iso
from monitoring.models import GpuSample

logger = logging.getLogger(__name__)

ABSENT_SECONDS = 60.0  # how soon is looked again where there is none
REASONS = {
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: "There is no NVIDIA driver on this machine.",
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "The NVIDIA driver is not loaded.",
    pynvml.NVML_ERROR_NO_PERMISSION: "The NVIDIA driver may not be asked by this user.",
}


class NoGpuError(Exception):
    """There is no graphics card to ask. The message is for people."""


@dataclass(frozen=True, slots=True)
class Card:
    """One card now, by the fields of a `GpuSample`. None: the driver does not say."""

    gpu: int
    name: str
    utilization_percent: int | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    temperature_celsius: int | None
    power_watts: float | None


class GpuCardData(TypedDict):
    """A graphics card when it was last asked. Null: its driver does not say."""

    time: str
    host: str
    gpu: int
    name: str
    utilization_percent: int | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    temperature_celsius: int | None
    power_watts: float | None


class GpuStatsData(TypedDict):
    """The graphics cards of one machine, whenever they were asked."""

    cards: list[GpuCardData]


def read() -> list[Card]:
    """Every card of this machine. Raises `NoGpuError`."""
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
        raise NoGpuError("The NVIDIA driver knows of no card.")
    return cards


def why_none() -> str:
    """Why there are no figures."""
    try:
        read()
    except NoGpuError as why:
        return str(why)
    return "Housekeeping has not asked for a while: is it running?"


def _cards() -> Iterator[Card]:
    for number in range(pynvml.nvmlDeviceGetCount()):
        card = pynvml.nvmlDeviceGetHandleByIndex(number)
        memory = _asked(pynvml.nvmlDeviceGetMemoryInfo, card)
        use = _asked(pynvml.nvmlDeviceGetUtilizationRates, card)
        power = _asked(pynvml.nvmlDeviceGetPowerUsage, card)
        yield Card(
            gpu=number,
            name=str(_asked(pynvml.nvmlDeviceGetName, card) or "unknown")[:120],
            utilization_percent=use and use.gpu,
            memory_used_bytes=memory and memory.used,
            memory_total_bytes=memory and memory.total,
            temperature_celsius=_asked(pynvml.nvmlDeviceGetTemperature, card, pynvml.NVML_TEMPERATURE_GPU),
            power_watts=None if power is None else power / 1000,
        )


def _asked(question: Callable[..., Any], *arguments: Any) -> Any:
    """The answer, or None where this card has none: not every card measures everything."""
    try:
        return question(*arguments)
    except pynvml.NVMLError:
        return None


def _reason(error: pynvml.NVMLError) -> str:
    return REASONS.get(error.value, f"The NVIDIA driver says: {error}.")


class Poller:
    """Writes a sample of each card now and then. Looks seldom where there is none."""

    def __init__(self, cards: Callable[[], list[Card]] = read) -> None:
        self._read = cards
        self._due_at = time.monotonic()
        self._there = True

    def wait_seconds(self) -> float:
        return max(0.0, self._due_at - time.monotonic())

    def poll(self, now: datetime | None = None) -> int:
        """How many samples were written; 0 where it is not time yet, too."""
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
        samples = [GpuSample(time=at, host=host, **asdict(card)) for card in cards]
        data: GpuStatsData = {"cards": [card_data(sample) for sample in samples]}
        with transaction.atomic():
            GpuSample.objects.bulk_create(samples)
            publish.publish(Message("gpu.stats", "", data))
        return len(cards)


def card_data(row: GpuSample) -> GpuCardData:
    return {
        "time": iso(row.time),
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
    return GpuSample.objects.filter(time__lt=now - timedelta(minutes=settings.GPU_STATS_HISTORY_MINUTES))
