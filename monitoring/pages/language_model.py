"""The page of the language model: what its servers support, and the answers that were rejected."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from events.analyzers.llm import Server, configured_servers
from events.analyzers.rejections import TEXTS
from events.models import LanguageModelServer, RejectedAnswer
from hsi.errors import HSIError
from hsi.metrics import histograms
from hsi.models import CounterValue
from monitoring.pages.page import OperationsPage


class LanguageModel(OperationsPage):
    template_name = "monitoring/language_model.html"
    title = "Language model"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Detect the features of every configured server again."""
        for settings in configured_servers():
            if settings.url:
                _detect(request, Server(settings))
        return HttpResponseRedirect(reverse("admin:language_model"))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        names = [server.name for server in configured_servers() if server.url]
        return {
            "servers": LanguageModelServer.objects.filter(name__in=names).order_by("name"),
            "is_configured": bool(names),
            "rejections": rejections(),
            "answers": [(row, TEXTS.get(row.kind, row.kind)) for row in RejectedAnswer.objects.order_by("-pk")],  # type: ignore[call-overload]
            **super().get_context_data(**kwargs),
        }


def rejections() -> list[tuple[str, str, int]]:
    """Return (kind, text, number) of each kind of rejection, the most frequent first."""
    rows = CounterValue.objects.filter(name=histograms.REJECTIONS).values_list("label", "value")
    counts = {label: int(value) for label, value in rows}
    return sorted(
        ((kind.value, text, counts[kind.value]) for kind, text in TEXTS.items() if counts.get(kind.value)),
        key=lambda entry: -entry[2],
    )


def _detect(request: HttpRequest, server: Server) -> None:
    try:
        target = server.detect_again()
    except HSIError as error:
        messages.error(request, f"{server.settings.name} could not be asked: {error.code}.")
    else:
        software = target.features.software or "The server"
        messages.success(request, f"{server.settings.name}: {software} with {target.model or 'its only model'}.")
    finally:
        server.close()
