"""The overview: the admin's first page. Its parts are drawn here, at first and again every few seconds."""

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
from monitoring.pages.status import verdict
from monitoring.pages.trends import trends

PARTS = ("verdict", "pipeline", "failures", "services", "cameras", "trends", "room", "workers")


class Overview(OperationsPage):
    template_name = "monitoring/overview.html"
    title = "Overview"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "parts": drawn(cast(User, self.request.user))}


class Figures(OperationsPage):
    """`{"at": time, "parts": {name: HTML}}`: what a page that is open puts in the place of what it shows."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return JsonResponse({"at": iso(timezone.now()), "parts": drawn(cast(User, request.user))})


overview = Overview.as_view()


def drawn(user: User) -> dict[str, str]:
    """The HTML of every part, by name, in the order of the page."""
    now = timezone.now()
    depths = probes.depths()
    answers = probes.answers(depths)
    workers = panels.workers()
    room = panels.room(now)
    facts = {
        "verdict": verdict(answers, panels.full_disks(room), now),
        "pipeline": pipeline.stages(pipeline.known(now, depths, waiting(), workers)),
        "failures": panels.recent_failures(now),
        "services": panels.services(answers),
        "cameras": panels.cameras(user, now),
        "workers": panels.shown_workers(workers),
        "room": {"disks": room, "gpu": panels.gpu(now)},
        "trends": trends(now),
    }
    return {name: render_to_string(f"monitoring/parts/{name}.html", {name: facts[name]}) for name in PARTS}
