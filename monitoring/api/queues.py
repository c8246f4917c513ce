"""The API of the queues: how full they are, and whether anybody takes from them."""

from __future__ import annotations

from typing import Literal, TypedDict

from django.conf import settings
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hsi.api.openapi import Page
from hsi.api.pagination import single_page
from hsi.models import QueuePause
from hsi.policies import System
from hsi.queues import QUEUE_NAMES, Depth, QueueName, get_queue, pauses
from hsi.queues import backpressure as pressure
from hsi.times import iso


class QueueData(TypedDict):
    """A queue now. `oldest_seconds` is the age of the job that was put first; null where none waits."""

    name: str
    waiting: int
    leased: int
    delayed: int
    total: int
    capacity: int
    oldest_seconds: float | None
    pressure: Literal["normal", "high"]
    policy: str
    paused: bool
    paused_at: str | None
    paused_by: str | None


def queue_data(name: QueueName, pause: QueuePause | None) -> QueueData:
    """Raises `QueueUnavailableError`."""
    return depth_data(name, get_queue(name).depth(), pause)


def depth_data(name: QueueName, depth: Depth, pause: QueuePause | None) -> QueueData:
    return {
        "name": name,
        "waiting": depth.waiting,
        "leased": depth.leased,
        "delayed": depth.delayed,
        "total": depth.total,
        "capacity": settings.QUEUE_MAX_SIZE,
        "oldest_seconds": depth.oldest_seconds,
        "pressure": "high" if pressure.is_high(name, depth.total) else "normal",
        "policy": settings.QUEUE_OVERFLOW_POLICY,
        "paused": pause is not None,
        "paused_at": iso(pause.paused_at) if pause else None,
        "paused_by": pause.paused_by if pause else None,
    }


class Queues(APIView):
    subject = System

    @extend_schema(summary="List queues", responses=Page[QueueData])
    def get(self, request: Request) -> Response:
        paused = QueuePause.objects.in_bulk()
        return Response(single_page([queue_data(name, paused.get(name)) for name in QUEUE_NAMES]))


class PauseQueue(APIView):
    subject = QueuePause

    @extend_schema(summary="Pause a queue", request=None, responses={200: QueueData})
    def post(self, request: Request, name: str) -> Response:
        """Workers stop within seconds, after their current job. New jobs wait in the queue."""
        queue = queue_or_404(name)
        pauses.pause(queue)
        return answer(queue)


class ResumeQueue(APIView):
    subject = QueuePause

    @extend_schema(summary="Resume a queue", request=None, responses={200: QueueData})
    def post(self, request: Request, name: str) -> Response:
        queue = queue_or_404(name)
        pauses.resume(queue)
        return answer(queue)


def queue_or_404(name: str) -> QueueName:
    if name not in QUEUE_NAMES:
        raise Http404
    return QueueName(name)


def answer(name: QueueName) -> Response:
    return Response(queue_data(name, QueuePause.objects.filter(pk=name).first()))
