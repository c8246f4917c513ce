"""Judges a batch with a local language model over HTTP, and with a second one while the first fails."""

from __future__ import annotations

import time
from dataclasses import replace

from django.conf import settings

from events.analyzers import Context, Verdict
from events.analyzers.prompt import Prompt, prompt_for
from events.analyzers.rejections import AnswerRejectedError
from events.analyzers.rules import RulesAnalyzer
from events.analyzers.server import Asker
from events.analyzers.server_memory import ServerSettings, Target, record_rejection
from events.analyzers.server_offer import ABSENT, healthy, models, require
from events.analyzers.texts import one_line, storable
from events.analyzers.verdict import verdict_from
from hsi.circuit_breaker import InProcessBreaker, Limits
from hsi.errors import AIServiceError, AIServiceUnavailableError
from hsi.metrics import histograms
from hsi.outbound.ai_service import AIService

SERVICE, FALLBACK = "nemotron", "nemotron_fallback"
KEPT_PROMPT_CHARACTERS = 16_000


class LlmAnalyzer:
    """The `llm` analyser. Its creation raises `AIServiceUnavailableError` without a `NEMOTRON_URL`."""

    name = "llm"

    def __init__(self) -> None:
        if not settings.NEMOTRON_URL:
            raise AIServiceUnavailableError("NEMOTRON_URL is not set", service=SERVICE)
        self.servers = [Server(one) for one in configured_servers()]
        # While one server is unavailable, the other one answers without waiting for it.
        limits = Limits(settings.CIRCUIT_FAILURE_THRESHOLD, settings.CIRCUIT_RECOVERY_TIMEOUT_SECONDS)
        self._breakers = [InProcessBreaker(server.settings.name, limits) for server in self.servers]

    def judge(self, context: Context) -> Verdict:
        """Return the verdict of the model, or of the fallback if the first model fails.

        Raises the `AIServiceError` of the first model; `AnswerRejectedError` if its answer is unusable.
        """
        if len(self.servers) == 1:
            return self.servers[0].judge(context)
        errors: list[AIServiceError] = []
        for server, breaker in zip(self.servers, self._breakers, strict=True):
            try:
                return _guarded(server, breaker, context)
            except AIServiceError as error:
                errors.append(error)
        raise errors[0]

    def check(self) -> str:
        """Return one line if the server works and has the model, within `AI_HEALTH_TIMEOUT`.

        Raises `AIServiceError`.
        """
        return "; fallback ".join(server.check() for server in self.servers)

    def close(self) -> None:
        for server in self.servers:
            server.close()


def _guarded(server: Server, breaker: InProcessBreaker, context: Context) -> Verdict:
    """Judge with a server whose breaker is closed. Raises `CircuitOpenError` otherwise."""
    token = breaker.begin_call(settings.NEMOTRON_READ_TIMEOUT)
    try:
        verdict = server.judge(context)
    except AIServiceError as error:
        if error.against_service:
            breaker.fail(token, error)
        else:
            breaker.succeed(token)
        raise
    breaker.succeed(token)
    return verdict


class Server:
    """One language model server."""

    def __init__(self, server: ServerSettings) -> None:
        self.settings = server
        self._service = AIService(
            server.name,
            server.url.rstrip("/").removesuffix("/v1"),  # as other programs want it written
            connect_timeout=settings.AI_CONNECT_TIMEOUT,
            read_timeout=settings.NEMOTRON_READ_TIMEOUT,
            headers={"Authorization": f"Bearer {server.api_key}"} if server.api_key else None,
        )
        self._asker = Asker(self._service, server)

    def detect_again(self) -> Target:
        return self._asker.detect_again()

    def judge(self, context: Context) -> Verdict:
        max_tokens = settings.NEMOTRON_MAX_TOKENS
        prompt = prompt_for(context, max_tokens)
        answer = self._asker.ask(prompt, max_tokens)
        try:
            verdict = verdict_from(answer, context, RulesAnalyzer().judge(context), service=self.settings.name)
        except AnswerRejectedError as error:
            histograms.count(histograms.REJECTIONS, error.kind)
            record_rejection(error, answer.model, context.camera_id)
            raise
        return replace(verdict, prompt=asked(prompt))

    def check(self) -> str:
        deadline = time.monotonic() + settings.AI_HEALTH_TIMEOUT
        is_healthy = healthy(self._service, deadline)
        if is_healthy and self.settings.api == "llamacpp":
            return "ready (llamacpp)"
        try:
            offered = models(self._service, deadline)
        except AIServiceError as error:
            if is_healthy and error.http_status in ABSENT:
                return "ready (llamacpp)"
            raise
        model = require(self.settings.model, offered, self.settings.name)
        return f"ready ({one_line(model, 100)})" if model else "ready"

    def close(self) -> None:
        self._service.close()


def configured_servers() -> list[ServerSettings]:
    """Return the server of `NEMOTRON_URL`, then that of `NEMOTRON_FALLBACK_URL`."""
    first = ServerSettings(
        SERVICE, settings.NEMOTRON_URL, settings.NEMOTRON_MODEL, settings.NEMOTRON_API_KEY, settings.NEMOTRON_API
    )
    if not settings.NEMOTRON_FALLBACK_URL:
        return [first]
    model, key = settings.NEMOTRON_FALLBACK_MODEL, settings.NEMOTRON_FALLBACK_API_KEY
    return [first, ServerSettings(FALLBACK, settings.NEMOTRON_FALLBACK_URL, model, key)]


def asked(prompt: Prompt) -> str:
    """Return the text of a prompt as it is stored."""
    return storable(f"{prompt.instructions}\n\n{prompt.question}", KEPT_PROMPT_CHARACTERS)
