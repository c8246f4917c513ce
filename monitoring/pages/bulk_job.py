"""The page of one bulk job, with its progress."""

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


class BulkJob(OperationsPage):
    template_name = "monitoring/bulk_job.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        run = bulk_job_run(self.kwargs["pk"])
        bulk_request: Any = run.request
        return {
            **super().get_context_data(**kwargs),
            "title": TITLES[bulk_request["verb"]],
            "run": run,
            "progress": rendered_progress(run),
        }


class Progress(OperationsPage):
    """Return `{"html": progress, "over": whether the job has ended}`."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        run = bulk_job_run(self.kwargs["pk"])
        return JsonResponse({"html": rendered_progress(run), "over": run.outcome != JobRun.Outcome.RUNNING})


class StopBulkJob(OperationsPage):
    http_method_names = ("post",)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        run = bulk_job_run(self.kwargs["pk"])
        if bulk_jobs.stop(run):
            messages.success(request, "Stopped. Processed dead letters stay resolved; the others are still open.")
        else:
            messages.info(request, "The job had ended.")
        return HttpResponseRedirect(reverse("admin:bulk_job", args=[run.pk]))


def bulk_job_run(number: int) -> JobRun:
    return get_object_or_404(JobRun, pk=number, request__isnull=False)


def rendered_progress(run: JobRun) -> str:
    """Render the progress of a job."""
    total, dealt = run.total or 0, run.dealt_with
    counts = [f"{run.counts[name]:,} {words}" for name, words in COUNTED.items() if run.counts.get(name)]
    return render_to_string(
        "monitoring/panels/bulk_job.html",
        {
            "run": run,
            "words": f"{dealt:,} of {many(total, 'dead letter')}",
            "share": 100 if run.outcome == JobRun.Outcome.DONE or not total else 100 * dealt // total,
            "counts": ", ".join(counts),
            "tone": TONES[run.outcome],
        },
    )


COUNTED = {"requeued": "queued again", "discarded": "discarded"}
TONES = {"running": "wait", "done": "good", "failed": "bad", "stopped": "warn"}
