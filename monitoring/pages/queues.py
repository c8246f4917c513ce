"""Queues and circuit breakers: depth, age and pauses; pause, resume and reset."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from hsi.db import clock
from hsi.models import CircuitBreaker, QueuePause
from hsi.outbound.shared_breaker import get_breaker
from hsi.queues import QUEUE_NAMES, backends, pauses
from monitoring.api.queues import depth_data, queue_or_404
from monitoring.api.system import BreakerData, breaker_data
from monitoring.pages import probes
from monitoring.pages.formatting import age
from monitoring.pages.page import ConfirmationPage, OperationsPage
from monitoring.pages.panels import BREAKER_TONES, breakers_in_use

PURPOSES = {
    "detection_queue": "uploads that wait for the detector",
    "fast_path_queue": "batches with a clear detection, analysed by rules immediately",
    "analysis_queue": "closed batches that wait for the analyser",
}


class Queues(OperationsPage):
    template_name = "monitoring/queues.html"
    title = "Queues and breakers"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        depths = probes.depths()
        paused = QueuePause.objects.in_bulk()
        queues = [
            {
                "name": name,
                "purpose": PURPOSES[name],
                "pause": paused.get(name),
                "data": depth_data(name, depths[name], paused.get(name)) if depths else None,
                "oldest": age(depths[name].oldest_seconds) if depths and depths[name].total else "none",
            }
            for name in QUEUE_NAMES
        ]
        rows = {row.name: row for row in CircuitBreaker.objects.order_by("name")}
        names = sorted({*rows, *breakers_in_use()})
        breakers = [breaker_data(rows.get(name) or CircuitBreaker(name=name)) for name in names]
        return {
            **super().get_context_data(**kwargs),
            "queues": queues,
            "backend": backends.chosen(),
            "capacity": settings.QUEUE_MAX_SIZE,
            "breakers": [(breaker, BREAKER_TONES[breaker["state"]], next_attempt(breaker)) for breaker in breakers],
        }


def next_attempt(breaker: BreakerData) -> str:
    """Describe when the service is tried again."""
    if breaker["retry_at"] is None:
        return ""
    left = (datetime.fromisoformat(breaker["retry_at"]) - clock.now()).total_seconds()
    return f"in {age(left)}" if left > 0 else "with the next job"


class PauseQueue(ConfirmationPage):
    title = "Pause a queue"
    button = "Pause"

    def question(self) -> str:
        return f"Pause {queue_or_404(self.kwargs['name'])}? Its jobs wait until the queue is resumed."

    def act(self) -> str:
        name = queue_or_404(self.kwargs["name"])
        return f"{name} is paused." if pauses.pause(name) else f"{name} was already paused."

    def back(self) -> str:
        return reverse("admin:queues")


class ResumeQueue(OperationsPage):
    http_method_names = ("post",)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        words = "is resumed" if pauses.resume(queue_or_404(name)) else "was not paused"
        messages.success(request, f"{name} {words}.")
        return HttpResponseRedirect(reverse("admin:queues"))


class ResetBreaker(OperationsPage):
    http_method_names = ("post",)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        get_object_or_404(CircuitBreaker, name=name)
        words = "is closed: the service is used again" if get_breaker(name).reset() else "was already closed"
        messages.success(request, f"The breaker of {name} {words}.")
        return HttpResponseRedirect(reverse("admin:queues") + "#breakers")
