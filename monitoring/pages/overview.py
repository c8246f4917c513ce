"""The overview, which is the first page of the admin. The page loads its panels again every few seconds."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import timezone

from hsi.times import iso
from monitoring.metrics.backlog import waiting
from monitoring.pages import panels, pipeline, probes
from monitoring.pages.page import OperationsPage
from monitoring.pages.status import overall_status
from monitoring.pages.trends import trends

PANELS = ("status", "pipeline", "failures", "services", "cameras", "trends", "storage", "workers")


class Overview(OperationsPage):
    template_name = "monitoring/overview.html"
    title = "Overview"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "panels": rendered_panels(cast(User, self.request.user))}


class Figures(OperationsPage):
    """`{"at": time, "panels": {name: HTML}}`: what a page that is open puts in the place of what it shows."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return JsonResponse({"at": iso(timezone.now()), "panels": rendered_panels(cast(User, request.user))})


overview = Overview.as_view()


def rendered_panels(user: User) -> dict[str, str]:
    """Render every panel: HTML by name, in the order of the page."""
    now = timezone.now()
    depths = probes.depths()
    answers = probes.answers(depths)
    workers = panels.workers()
    storage = panels.storage(now)
    contexts = {
        "status": overall_status(answers, panels.full_disks(storage), now),
        "pipeline": pipeline.stages(pipeline.pipeline_data(now, depths, waiting(), workers)),
        "failures": panels.recent_failures(now),
        "services": panels.services(answers),
        "cameras": panels.cameras(user, now),
        "workers": panels.worker_rows(workers),
        "storage": {"disks": storage, "gpu": panels.gpu(now)},
        "trends": trends(now),
    }
    return {name: render_to_string(f"monitoring/panels/{name}.html", {name: contexts[name]}) for name in PANELS}
