"""Dead letters: grouped by cause, as a list, with the attempt history, and the actions on them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import urlencode
from rest_framework.exceptions import ValidationError

from cameras.models import Upload
from events.models import Event
from hsi.api.filters import narrowed
from hsi.api.pagination import after, cursor_of
from hsi.http.url_prefix import link
from hsi.models import DeadLetter
from hsi.queues import DETECTION_QUEUE, QUEUE_NAMES, QueueName, dead_letters
from monitoring import bulk_jobs
from monitoring.api.dead_letters import (
    DISCARD,
    REQUEUE,
    DeadLetterFilters,
    DeadLetterSelectionSerializer,
    ResolutionData,
    dead_letter_detail_data,
    is_complete,
    resolved,
)
from monitoring.models import JobRun
from monitoring.pages.bulk_job import rendered_progress
from monitoring.pages.formatting import many
from monitoring.pages.page import OperationsPage, faults

SHOWN = 50
# Up to this number the request does the work. More dead letters become a bulk job with a progress page.
AT_ONCE = 100
VERBS = {"requeue": REQUEUE, "discard": DISCARD}
# The kind and the admin page of a dead letter's row.
ROWS = {DETECTION_QUEUE: ("upload", "admin:cameras_upload_change")}
BATCH = ("batch", "admin:detection_batch_change")


class DeadLetterList(OperationsPage):
    template_name = "monitoring/dead_letters.html"
    title = "Dead letters"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asked = self.request.GET.copy()
        asked.setdefault("state", DeadLetter.State.OPEN)
        wrong, letters = "", DeadLetter.objects.none()
        try:
            letters = narrowed(DeadLetter.objects.all(), DeadLetterFilters, asked, paged=True)
            letters = letters.filter(after(cursor, "id", DeadLetter)) if (cursor := asked.get("cursor")) else letters
        except ValidationError as error:
            wrong = faults(error)
        rows = list(letters.order_by("-id")[: SHOWN + 1])
        return {
            **super().get_context_data(**kwargs),
            "groups": dead_letters.groups(),
            "letters": rows[:SHOWN],
            "asked": asked.dict(),
            "narrowed": bool(asked.get("queue") or asked.get("error")),
            "wrong": wrong,
            "queues": QUEUE_NAMES,
            "states": DeadLetter.State.choices,
            "older": older(asked.dict(), rows) if len(rows) > SHOWN else "",
            "running": [(run, rendered_progress(run)) for run in JobRun.objects.requested().order_by("id")],
        }


def older(asked: dict[str, Any], rows: list[DeadLetter]) -> str:
    return f"?{urlencode({**asked, 'cursor': cursor_of(rows[SHOWN - 1], 'id', DeadLetter)})}"


class DeadLetterPage(OperationsPage):
    template_name = "monitoring/dead_letter.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        letter = get_object_or_404(DeadLetter, pk=self.kwargs["pk"])
        story = dead_letter_detail_data(letter)
        kind, page = ROWS.get(QueueName(letter.queue), BATCH)
        return {
            **super().get_context_data(**kwargs),
            "title": f"Dead letter {letter.pk}",
            "letter": letter,
            "story": story,
            "attempts": [(datetime.fromisoformat(failure["at"]), failure) for failure in story["failures"]],
            "payload": json.dumps(story["payload"], indent=2, ensure_ascii=False),
            "picture": picture(letter),
            "kind": kind,
            "row_link": reverse(page, args=[letter.row_id]),
            "about_link": reverse("admin:about", args=[kind, letter.row_id]),
        }


def picture(letter: DeadLetter) -> str:
    """Return the address of a picture for the job, or ""."""
    if letter.queue == DETECTION_QUEUE:
        there = Upload.objects.filter(pk=letter.row_id, file_gone=False).exclude(thumbnail="").exists()
        return link(f"/api/uploads/{letter.row_id}/thumbnail") if there else ""
    event = Event.objects.filter(batches=letter.row_id).values_list("pk", flat=True).first()
    return link(f"/api/events/{event}/snapshot?boxes=1") if event else ""


class ResolveDeadLetters(OperationsPage):
    """Asks for confirmation, and then acts. The form selects dead letters like the body of the API."""

    template_name = "monitoring/confirm.html"
    title = "Dead letters"
    http_method_names = ("post",)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        verb = request.POST.get("verb", "")
        body = DeadLetterSelectionSerializer(data=choice_of(request))
        if verb not in VERBS or not body.is_valid():
            messages.error(request, "Select dead letters first.")
            return HttpResponseRedirect(reverse("admin:dead_letters"))
        if request.POST.get("confirmed") != "yes":
            return self.render_to_response(self.get_context_data(**question(verb, body.validated_data, request)))
        choice, number = body.validated_data, count_selected(body.validated_data)
        if "ids" not in choice and number > AT_ONCE:
            run = bulk_jobs.begin(verb, choice.get("filter", {}), min(number, settings.MAX_REQUEUE_ITERATIONS))
            return HttpResponseRedirect(reverse("admin:bulk_job", args=[run.pk]))
        answer = resolved(choice, VERBS[verb])
        (messages.success if is_complete(answer) else messages.warning)(request, result_message(answer))
        return HttpResponseRedirect(reverse("admin:dead_letters"))


def choice_of(request: HttpRequest) -> dict[str, Any]:
    """Return the selection of the form: ids, a cause, or all."""
    if ids := request.POST.getlist("ids"):
        return {"ids": ids}
    if request.POST.get("all") == "yes":
        return {"all": True}
    named = {name: request.POST.get(name, "") for name in ("queue", "error", "text")}
    return {"filter": given} if (given := {name: value for name, value in named.items() if value}) else {}


def question(verb: str, choice: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
    number, bound = count_selected(choice), settings.MAX_REQUEUE_ITERATIONS
    named = f"the oldest {bound:,} dead letters" if number > bound else many(number, "dead letter")
    words = {"requeue": f"Queue {named} again?", "discard": f"Discard {named}?"}
    happens = {
        "requeue": "Their jobs run again as if they were new.",
        "discard": "Their pictures stay unprocessed. The dead letters are kept as discarded.",
    }
    sent = [(name, value) for name, values in request.POST.lists() for value in values if name != "csrfmiddlewaretoken"]
    more = " There are more. Repeat the action for the rest." if number > bound else ""
    return {
        "question": words[verb],
        "happens": happens[verb] + more,
        "button": verb.capitalize(),
        "dangerous": verb == "discard",
        "sent": [*sent, ("confirmed", "yes")],
        "back": reverse("admin:dead_letters"),
    }


def count_selected(choice: dict[str, Any]) -> int:
    """Count the selected dead letters, up to one more than one action may process."""
    return selected(choice)[: settings.MAX_REQUEUE_ITERATIONS + 1].count()


def selected(choice: dict[str, Any]) -> QuerySet[DeadLetter]:
    if "ids" in choice:
        return dead_letters.search(ids=choice["ids"])
    return dead_letters.search(**choice.get("filter", {}))


def result_message(done: ResolutionData) -> str:
    dealt = sum(result["status"] == 409 for result in done["results"])
    words = [f"{done['requeued']} queued again"] if done["requeued"] else []
    words += [f"{done['discarded']} discarded"] if done["discarded"] else []
    words += [f"{dealt} were resolved before"] if dealt else []
    more = " There are more. Repeat the action." if done["more"] else ""
    return f"{', '.join(words) or 'Nothing to do'}.{more}"
