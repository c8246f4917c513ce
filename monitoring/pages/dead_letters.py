"""Dead letters: grouped by cause, one by one with the whole story, and what a person does about them."""

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
from hsi.queues import DETECTION_QUEUE, QUEUE_NAMES, dead_letters
from monitoring import bulk_jobs
from monitoring.api.dead_letters import (
    DISCARD,
    REQUEUE,
    LetterChoiceSerializer,
    LetterFilters,
    ResolutionData,
    is_complete,
    resolved,
    story_data,
)
from monitoring.models import JobRun
from monitoring.pages.bulk_job import drawn
from monitoring.pages.formatting import many
from monitoring.pages.page import OperationsPage, faults

SHOWN = 50
# So many are dealt with while the person waits; more are a job of their own, which shows how far it is.
AT_ONCE = 100
VERBS = {"requeue": REQUEUE, "discard": DISCARD}
# Where the row of a letter is looked at, and what it is called.
ROWS = {DETECTION_QUEUE: ("upload", "admin:cameras_upload_change")}
BATCH = ("batch", "admin:detection_batch_change")


class Letters(OperationsPage):
    template_name = "monitoring/letters.html"
    title = "Dead letters"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asked = self.request.GET.copy()
        asked.setdefault("state", DeadLetter.State.OPEN)
        wrong, letters = "", DeadLetter.objects.none()
        try:
            letters = narrowed(DeadLetter.objects.all(), LetterFilters, asked, paged=True)
            letters = letters.filter(after(cursor, "id", DeadLetter)) if (cursor := asked.get("cursor")) else letters
        except ValidationError as error:
            wrong = faults(error)
        shown = list(letters.order_by("-id")[: SHOWN + 1])
        return {
            **super().get_context_data(**kwargs),
            "groups": dead_letters.groups(),
            "letters": shown[:SHOWN],
            "asked": asked.dict(),
            "narrowed": bool(asked.get("queue") or asked.get("error")),
            "wrong": wrong,
            "queues": QUEUE_NAMES,
            "states": DeadLetter.State.choices,
            "older": older(asked.dict(), shown) if len(shown) > SHOWN else "",
            "running": [(run, drawn(run)) for run in JobRun.objects.asked().order_by("id")],
        }


def older(asked: dict[str, Any], shown: list[DeadLetter]) -> str:
    return f"?{urlencode({**asked, 'cursor': cursor_of(shown[SHOWN - 1], 'id', DeadLetter)})}"


class Letter(OperationsPage):
    template_name = "monitoring/letter.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        letter = get_object_or_404(DeadLetter, pk=self.kwargs["pk"])
        story = story_data(letter)
        kind, page = ROWS.get(letter.queue, BATCH)
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
    """The address of what the job was about, where there is a picture of it."""
    if letter.queue == DETECTION_QUEUE:
        there = Upload.objects.filter(pk=letter.row_id, file_gone=False).exclude(thumbnail="").exists()
        return link(f"/api/uploads/{letter.row_id}/thumbnail") if there else ""
    event = Event.objects.filter(batch=letter.row_id).values_list("pk", flat=True).first()
    return link(f"/api/events/{event}/snapshot?boxes=1") if event else ""


class ResolveLetters(OperationsPage):
    """Asks once, with how many it concerns, and then does it. The form names letters as the API's body does."""

    template_name = "monitoring/confirm.html"
    title = "Dead letters"
    http_method_names = ("post",)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        verb = request.POST.get("verb", "")
        body = LetterChoiceSerializer(data=choice_of(request))
        if verb not in VERBS or not body.is_valid():
            messages.error(request, "Choose letters first.")
            return HttpResponseRedirect(reverse("admin:letters"))
        if request.POST.get("confirmed") != "yes":
            return self.render_to_response(self.get_context_data(**question(verb, body.validated_data, request)))
        choice, number = body.validated_data, how_many(body.validated_data)
        if "ids" not in choice and number > AT_ONCE:
            run = bulk_jobs.begin(verb, choice.get("filter", {}), min(number, settings.MAX_REQUEUE_ITERATIONS))
            return HttpResponseRedirect(reverse("admin:errand", args=[run.pk]))
        answer = resolved(choice, VERBS[verb])
        (messages.success if is_complete(answer) else messages.warning)(request, told(answer))
        return HttpResponseRedirect(reverse("admin:letters"))


def choice_of(request: HttpRequest) -> dict[str, Any]:
    """What the form names: letters by id, those of a cause, or all."""
    if ids := request.POST.getlist("ids"):
        return {"ids": ids}
    if request.POST.get("all") == "yes":
        return {"all": True}
    named = {name: request.POST.get(name, "") for name in ("queue", "error", "text")}
    return {"filter": given} if (given := {name: value for name, value in named.items() if value}) else {}


def question(verb: str, choice: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
    number, bound = how_many(choice), settings.MAX_REQUEUE_ITERATIONS
    named = f"the oldest {bound:,} dead letters" if number > bound else many(number, "dead letter")
    words = {"requeue": f"Queue {named} again?", "discard": f"Give up {named}?"}
    happens = {
        "requeue": "Their rows wait again and are worked on as if they were new.",
        "discard": "Their rows stay failed: nobody looks at these pictures any more. The letters are kept, closed.",
    }
    sent = [(name, value) for name, values in request.POST.lists() for value in values if name != "csrfmiddlewaretoken"]
    more = " There are more; ask again for the rest." if number > bound else ""
    return {
        "question": words[verb],
        "happens": happens[verb] + more,
        "button": verb.capitalize(),
        "dangerous": verb == "discard",
        "sent": [*sent, ("confirmed", "yes")],
        "back": reverse("admin:letters"),
    }


def how_many(choice: dict[str, Any]) -> int:
    """Letters that this names: at most one more than may be dealt with by one request. None is counted beyond."""
    return chosen(choice)[: settings.MAX_REQUEUE_ITERATIONS + 1].count()


def chosen(choice: dict[str, Any]) -> QuerySet[DeadLetter]:
    if "ids" in choice:
        return dead_letters.search(ids=choice["ids"])
    return dead_letters.search(**choice.get("filter", {}))


def told(done: ResolutionData) -> str:
    dealt = sum(result["status"] == 409 for result in done["results"])
    words = [f"{done['requeued']} queued again"] if done["requeued"] else []
    words += [f"{done['discarded']} discarded"] if done["discarded"] else []
    words += [f"{dealt} had been dealt with before"] if dealt else []
    more = " There are more: do it again." if done["more"] else ""
    return f"{', '.join(words) or 'Nothing was left to do'}.{more}"
