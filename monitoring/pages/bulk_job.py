"""One run of what a person asked for: how far it is, while it goes on with or without this page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse

from monitoring import bulk_jobs
from monitoring.models import JobRun
from monitoring.pages.formatting import many
from monitoring.pages.page import OperationsPage

TITLES = {"requeue": "Queue dead letters again", "discard": "Discard dead letters"}


class Errand(OperationsPage):
    template_name = "monitoring/errand.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        run = asked_run(self.kwargs["pk"])
        asked: Any = run.asked
        return {
            **super().get_context_data(**kwargs),
            "title": TITLES[asked["verb"]],
            "run": run,
            "progress": drawn(run),
        }


class Progress(OperationsPage):
    """`{"html": how far it is, "over": whether nothing more will change}`."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        run = asked_run(self.kwargs["pk"])
        return JsonResponse({"html": drawn(run), "over": run.outcome != JobRun.Outcome.RUNNING})


class StopErrand(OperationsPage):
    http_method_names = ("post",)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        run = asked_run(self.kwargs["pk"])
        if bulk_jobs.stop(run):
            messages.success(request, "Stopped. What was dealt with stays so; the other letters are still open.")
        else:
            messages.info(request, "It was over already.")
        return HttpResponseRedirect(reverse("admin:errand", args=[run.pk]))


def asked_run(number: int) -> JobRun:
    return get_object_or_404(JobRun, pk=number, asked__isnull=False)


def drawn(run: JobRun) -> str:
    """The bar, the numbers and the words of one run, as HTML."""
    total, dealt = run.total or 0, run.dealt_with
    counts = [f"{run.counts[name]:,} {words}" for name, words in COUNTED.items() if run.counts.get(name)]
    return render_to_string(
        "monitoring/parts/errand.html",
        {
            "run": run,
            "words": f"{dealt:,} of {many(total, 'letter')}",
            "share": 100 if run.outcome == JobRun.Outcome.DONE or not total else 100 * dealt // total,
            "counts": ", ".join(counts),
            "tone": TONES[run.outcome],
        },
    )


COUNTED = {"requeued": "queued again", "discarded": "discarded"}
TONES = {"running": "wait", "done": "good", "failed": "bad", "stopped": "warn"}
