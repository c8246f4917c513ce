"""The page that shows what the language model would be asked about an event, with the prompt files as they are now."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.shortcuts import get_object_or_404

from events import visits
from events.analyzers import ANALYZERS
from events.analyzers.llm import configured_servers
from events.analyzers.pictures import choose, private_addresses
from events.analyzers.prompt import problems, prompt_for
from events.context import build_context
from events.models import Event, LanguageModelServer
from monitoring.pages.page import OperationsPage


class PromptPreview(OperationsPage):
    template_name = "monitoring/prompt.html"
    title = "What would be asked"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        event = get_object_or_404(Event.objects.select_related("camera"), pk=self.kwargs["pk"])
        batch = event.batches.select_related("camera").order_by("started_at", "pk").first()
        context = build_context(visits.find(batch)) if batch else None
        prompt = prompt_for(context, settings.NEMOTRON_MAX_TOKENS) if context else None
        pictures = choose(context.seen, settings.NEMOTRON_IMAGE_COUNT) if context else []
        return {
            "event": event,
            "prompt": prompt,
            "pictures": [(view[0].captured_at, [one.label for one in view]) for view in pictures],
            "why_no_pictures": why_no_pictures(),
            "problems": problems(),
            "folder": settings.PROMPT_DIR,
            "uses_model": ANALYZERS.chosen() == "llm",
            "waits": event.analysis == Event.Analysis.PENDING,
            **super().get_context_data(**kwargs),
        }


def why_no_pictures() -> str:
    """Return why the first server would get no pictures, or "" if it would, as far as that is known."""
    server = configured_servers()[0]
    if not server.url:
        return "no language model is configured"
    if settings.NEMOTRON_IMAGES == "never":
        return "NEMOTRON_IMAGES is never"
    if not settings.NEMOTRON_IMAGES_OUTSIDE and not private_addresses(server.url):
        return "the server is outside the private network"
    if LanguageModelServer.objects.filter(name=server.name, accepts_pictures=False).exists():
        return "the model does not accept pictures"
    return ""
