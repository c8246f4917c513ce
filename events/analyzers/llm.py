"""Judges a batch with a local language model over HTTP."""

from __future__ import annotations

import time
from dataclasses import replace

from django.conf import settings

from events.analyzers import Context, Verdict
from events.analyzers.prompt import prompt_for
from events.analyzers.rejections import AnswerRejectedError
from events.analyzers.rules import RulesAnalyzer
from events.analyzers.server import Asker
from events.analyzers.server_offer import ABSENT, healthy, models, require
from events.analyzers.texts import one_line, storable
from events.analyzers.verdict import verdict_from
from hsi.errors import AIServiceError, AIServiceUnavailableError
from hsi.metrics import histograms
from hsi.outbound.ai_service import AIService

SERVICE = "nemotron"
KEPT_PROMPT_CHARACTERS = 16_000


class LlmAnalyzer:
    """The `llm` analyser. Its creation raises `AIServiceUnavailableError` without a `NEMOTRON_URL`."""

    name = "llm"

    def __init__(self) -> None:
        if not settings.NEMOTRON_URL:
            raise AIServiceUnavailableError("NEMOTRON_URL is not set", service=SERVICE)
        key = settings.NEMOTRON_API_KEY
        self._service = AIService(
            SERVICE,
            settings.NEMOTRON_URL.rstrip("/").removesuffix("/v1"),  # as other programs want it written
            connect_timeout=settings.AI_CONNECT_TIMEOUT,
            read_timeout=settings.NEMOTRON_READ_TIMEOUT,
            headers={"Authorization": f"Bearer {key}"} if key else None,
        )
        self._asker = Asker(self._service)

    def judge(self, context: Context) -> Verdict:
        """Return the verdict of the model.

        Raises `AIServiceError`; `AnswerRejectedError` if the answer is unusable.
        """
        max_tokens = settings.NEMOTRON_MAX_TOKENS
        prompt = prompt_for(context, max_tokens)
        answer = self._asker.ask(prompt, max_tokens)
        try:
            verdict = verdict_from(answer, context, RulesAnalyzer().judge(context), service=SERVICE)
        except AnswerRejectedError as error:
            histograms.count(histograms.REJECTIONS, error.kind)
            raise
        asked = storable(f"{prompt.instructions}\n\n{prompt.question}", KEPT_PROMPT_CHARACTERS)
        return replace(verdict, prompt=asked)

    def check(self) -> str:
        """Return one line if the server works and has the model, within `AI_HEALTH_TIMEOUT`.

        Raises `AIServiceError`.
        """
        deadline = time.monotonic() + settings.AI_HEALTH_TIMEOUT
        is_healthy = healthy(self._service, deadline)
        if is_healthy and settings.NEMOTRON_API == "llamacpp":
            return "ready (llamacpp)"
        try:
            offered = models(self._service, deadline)
        except AIServiceError as error:
            if is_healthy and error.http_status in ABSENT:
                return "ready (llamacpp)"
            raise
        model = require(settings.NEMOTRON_MODEL, offered, SERVICE)
        return f"ready ({one_line(model, 100)})" if model else "ready"

    def close(self) -> None:
        self._service.close()
