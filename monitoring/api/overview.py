"""The API of the system itself."""

from __future__ import annotations

from typing import TypedDict

from django.db import DatabaseError
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hsi.policies import Common, System
from hsi.security import policy
from monitoring.health import checks as health
from monitoring.health.registry import all_checks
from monitoring.metrics.backlog import waiting


class HealthData(TypedDict):
    """How each part is, by name, and how much waits."""

    status: health.Status
    checks: dict[str, health.Outcome]
    waiting: dict[str, int]


class SystemHealth(APIView):
    """How it is, check by check, and how much waits. 503 only when the database is gone.

    What is said of cameras, and what waits, is of those that the reader may see.
    """

    subject = Common

    @extend_schema(summary="Get the system health", responses={200: HealthData, 503: HealthData})
    def get(self, request: Request) -> Response:
        for_staff = policy.may(request.user, "view", System)
        checks = health.report(all_checks(request.user), for_staff=for_staff)
        status = health.overall(checks)
        try:
            counts = waiting(request.user)
        except DatabaseError:
            counts = {}
        answer: HealthData = {"status": status, "checks": checks, "waiting": counts}
        return Response(
            answer, status=503 if status == health.UNHEALTHY else 200, headers={"Cache-Control": "no-store"}
        )
