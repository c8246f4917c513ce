"""The API of the system itself, for administrators: figures, settings, breakers, workers, room, graphics cards."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, TypedDict

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hsi import live_settings
from hsi.api.openapi import Page
from hsi.api.pagination import single_page
from hsi.config.environment import Configuration
from hsi.config.options import SETTINGS, Setting
from hsi.db import clock
from hsi.disk_space import disk_usage
from hsi.logs.redaction import redact
from hsi.models import CircuitBreaker, WorkerHeartbeat
from hsi.outbound.shared_breaker import get_breaker
from hsi.policies import System
from hsi.times import iso
from monitoring.health.workers import WorkerData, worker_data
from monitoring.metrics import gpu
from monitoring.metrics.gpu import GpuCardData, card_data
from monitoring.metrics.latency import LatencyData, latency
from monitoring.metrics.stats import SystemStatsData, stats
from monitoring.models import GpuSample, StorageSample
from monitoring.retention import storage

MINUTES = OpenApiParameter("minutes", int, description="Length of the period in minutes, by default 60.")
LONGEST_MINUTES = 7 * 24 * 60


class AdministratorView(APIView):
    subject: type = System


class SettingData(TypedDict):
    """A setting. `value` and `default` are as a person may see them: secrets are masked."""

    name: str
    value: str
    source: str
    default: str
    allowed: str
    help: str
    secret: bool
    restart_needed: bool


class BreakerData(TypedDict):
    """A circuit breaker. `retry_at`: while open, when the service is tried again."""

    name: str
    state: str
    failures: int
    successes: int
    last_error: str
    last_failed_at: str | None
    retry_at: str | None
    changed_at: str | None


class DiskData(TypedDict):
    """The disk of a folder, now. Null where the folder cannot be read."""

    total_bytes: int | None
    free_bytes: int | None


class UseData(TypedDict):
    """What our files take, when it was last measured."""

    measured_at: str
    originals_bytes: int
    quarantine_bytes: int
    thumbnails_bytes: int | None
    database_bytes: int | None
    cameras: dict[str, int]


class StorageData(TypedDict):
    """Room. `days_until_full` is of the camera folder's disk; where it is null, `forecast_reason` says why."""

    camera_disk: DiskData
    data_disk: DiskData
    use: UseData | None
    days_until_full: float | None
    forecast_reason: str


class GpuData(TypedDict):
    """Graphics cards of the machine that does the housekeeping; where there is none, `reason` says why."""

    available: bool
    reason: str | None
    cards: list[GpuCardData]


class TlsData(TypedDict):
    """This server speaks no TLS of its own. `secure_request`: whether this request came to it over TLS all the same."""

    mode: Literal["disabled"]
    secure_request: bool


class SystemStats(AdministratorView):
    @extend_schema(summary="Get recent counts", responses=SystemStatsData)
    def get(self, request: Request) -> Response:
        return Response(stats(timezone.now()))


class SystemConfig(AdministratorView):
    @extend_schema(summary="List settings", responses=Page[SettingData])
    def get(self, request: Request) -> Response:
        live_settings.apply_changes()
        configuration = live_settings.configuration()
        return Response(single_page([setting_data(setting, configuration) for setting in SETTINGS]))


class Breakers(AdministratorView):
    subject = CircuitBreaker

    @extend_schema(summary="List circuit breakers", responses=Page[BreakerData])
    def get(self, request: Request) -> Response:
        return Response(single_page([breaker_data(row) for row in CircuitBreaker.objects.order_by("name")]))


class ResetBreaker(AdministratorView):
    subject = CircuitBreaker

    @extend_schema(summary="Close a circuit breaker", request=None, responses={200: BreakerData})
    def post(self, request: Request, name: str) -> Response:
        if not CircuitBreaker.objects.filter(name=name).exists():
            raise NotFound
        get_breaker(name).reset()
        return Response(breaker_data(CircuitBreaker.objects.get(name=name)))


class Workers(GenericAPIView[WorkerHeartbeat]):
    subject = WorkerHeartbeat
    queryset = WorkerHeartbeat.objects.all()

    @extend_schema(summary="List worker loops", responses=Page[WorkerData])
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        now = clock.now()
        return self.get_paginated_response([worker_data(worker, now) for worker in page])


class SystemLatency(AdministratorView):
    @extend_schema(summary="Get the latency of each stage", parameters=[MINUTES], responses=LatencyData)
    def get(self, request: Request) -> Response:
        raw = request.query_params.get("minutes", "60")
        if not (raw.isascii() and raw.isdigit() and len(raw) <= 6 and 1 <= int(raw) <= LONGEST_MINUTES):
            raise ValidationError({"minutes": [f"Must be a whole number from 1 to {LONGEST_MINUTES}."]})
        return Response(latency(int(raw)))


class SystemStorage(AdministratorView):
    @extend_schema(summary="Get disk usage and forecast", responses=StorageData)
    def get(self, request: Request) -> Response:
        return Response(storage_data(timezone.now()))


class SystemGpu(AdministratorView):
    @extend_schema(summary="List GPUs", responses=GpuData)
    def get(self, request: Request) -> Response:
        return Response(gpu_data(timezone.now()))


class SystemTls(AdministratorView):
    @extend_schema(summary="Get the TLS mode", responses=TlsData)
    def get(self, request: Request) -> Response:
        answer: TlsData = {"mode": "disabled", "secure_request": request.is_secure()}
        return Response(answer)


def setting_data(setting: Setting, configuration: Configuration) -> SettingData:
    return {
        "name": setting.name,
        "value": redact(setting.shown(configuration.values[setting.name])),
        "source": configuration.sources[setting.name],
        "default": setting.shown(setting.default),
        "allowed": setting.allowed,
        "help": setting.help,
        "secret": setting.secret,
        "restart_needed": not setting.live,
    }


def breaker_data(row: CircuitBreaker) -> BreakerData:
    return {
        "name": row.name,
        "state": row.state,
        "failures": row.failures,
        "successes": row.successes,
        "last_error": redact(row.last_error),
        "last_failed_at": iso(row.last_failed_at),
        "retry_at": iso(row.retry_at),
        "changed_at": iso(row.changed_at),
    }


def storage_data(now: datetime) -> StorageData:
    days, reason = storage.forecast(now)
    return {
        "camera_disk": disk_data(disk_usage(settings.CAMERA_ROOT)),
        "data_disk": disk_data(disk_usage(settings.DATA_DIR)),
        "use": use_data(StorageSample.objects.order_by("-recorded_at").first()),
        "days_until_full": days,
        "forecast_reason": reason,
    }


def gpu_data(now: datetime) -> GpuData:
    fresh = now - timedelta(seconds=3 * settings.GPU_POLL_INTERVAL_SECONDS + 10)
    newest = {
        (row.host, row.gpu): row
        for row in GpuSample.objects.filter(recorded_at__gte=fresh).order_by("recorded_at", "id")
    }
    cards = [card_data(newest[key]) for key in sorted(newest)]
    return {"available": bool(cards), "reason": None if cards else gpu.why_none(), "cards": cards}


def disk_data(usage: tuple[int, int] | None) -> DiskData:
    total, free = usage or (None, None)
    return {"total_bytes": total, "free_bytes": free}


def use_data(row: StorageSample | None) -> UseData | None:
    if row is None:
        return None
    return {
        "measured_at": iso(row.recorded_at),
        "originals_bytes": row.originals_bytes,
        "quarantine_bytes": row.quarantine_bytes,
        "thumbnails_bytes": row.thumbnails_bytes,
        "database_bytes": row.database_bytes,
        "cameras": row.cameras,
    }
