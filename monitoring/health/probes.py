"""`/health/live` and `/health/ready`: what a container's supervisor asks. Neither needs a login."""

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
    """200 for as long as this process can answer at all. Asks nobody."""
    return JsonResponse({"status": HEALTHY})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 when requests can be served: the database answers and is migrated. Before set-up the gate answers 503."""
    checks = report([DatabaseCheck(), MigrationCheck()], for_staff=False)
    well = all(check["status"] == HEALTHY for check in checks.values())
    return JsonResponse({"status": HEALTHY if well else UNHEALTHY, "checks": checks}, status=200 if well else 503)


urlpatterns = [path("live", live), path("ready", ready)]
