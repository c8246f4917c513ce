"""`/health/live` and `/health/ready`, for supervisors of containers. Neither needs a login.

The view of django-health-check is not used: it answers 500 instead of 503, has no "degraded", and runs checks in
executor threads whose database connections stay open.
"""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from monitoring.health.checks import HEALTHY, UNHEALTHY, DatabaseCheck, report
from monitoring.health.schema_version import MigrationCheck


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """Liveness: always 200. Checks no dependencies."""
    return JsonResponse({"status": HEALTHY})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Readiness: 200 if the database is available and migrated. Before set-up, authentication answers 503."""
    checks = report([DatabaseCheck(), MigrationCheck()], for_staff=False)
    well = all(check["status"] == HEALTHY for check in checks.values())
    return JsonResponse({"status": HEALTHY if well else UNHEALTHY, "checks": checks}, status=200 if well else 503)


urlpatterns = [path("live", live), path("ready", ready)]
