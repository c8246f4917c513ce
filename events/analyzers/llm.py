"""Judges a batch with a local language model over HTTP, and with a second one while the first fails."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from django.conf import settings

from events.analyzers import Context, Verdict
from events.analyzers.apis import Answer
from events.analyzers.pictures import Picture, pictures_for, private_addresses
from events.analyzers.prompt import Prompt, prompt_for
from events.analyzers.rejections import AnswerRejectedError
from events.analyzers.rules import RulesAnalyzer
from events.analyzers.server import Asker, speaks_of_pictures
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
# What a small picture and the text take of the context of a model, at most.
TOKENS_OF_PICTURE, TOKENS_OF_TEXT = 600, 2500


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
        self._lock = threading.Lock()
        self._pinned: dict[tuple[str, ...], AIService] = {}
        self._picture_limit = 0  # learned from refusals; 0: none
        self._service = self._connection()
        self._asker = Asker(self._service, server)

    def detect_again(self) -> Target:
        return self._asker.detect_again()

    def judge(self, context: Context) -> Verdict:
        prompt, answer = self._ask(context, settings.NEMOTRON_MAX_TOKENS)
        try:
            verdict = verdict_from(answer, context, RulesAnalyzer().judge(context), service=self.settings.name)
        except AnswerRejectedError as error:
            histograms.count(histograms.REJECTIONS, error.kind)
            record_rejection(error, answer.model, context.camera_id)
            raise
        return replace(verdict, prompt=asked(prompt))

    def _ask(self, context: Context, max_tokens: int) -> tuple[Prompt, Answer]:
        """Ask with pictures if the server accepts them, with fewer if they are too much, else without."""
        service = self._service_for_pictures()
        pictures = self._pictures(context, service, max_tokens) if service else ()
        while service and pictures:
            prompt = prompt_for(context, max_tokens, pictures)
            try:
                return prompt, self._asker.ask_with_pictures(service, prompt, max_tokens)
            except AIServiceError as error:
                if not speaks_of_pictures(error):
                    raise
            # All of them at first, then every second one.
            pictures = pictures[::2] if len(pictures) > 1 else ()
            self._picture_limit = len(pictures)
            if not pictures:
                self._asker.drop_pictures()
        prompt = prompt_for(context, max_tokens)
        return prompt, self._asker.ask(prompt, max_tokens)

    def _pictures(self, context: Context, service: AIService, max_tokens: int) -> tuple[Picture, ...]:
        features = self._asker.target().features
        if features.accepts_pictures is False:
            return ()
        count = min(settings.NEMOTRON_IMAGE_COUNT, self._picture_limit or settings.NEMOTRON_IMAGE_COUNT)
        if features.context_tokens:
            room = features.context_tokens - max_tokens - TOKENS_OF_TEXT
            count = max(min(count, room // TOKENS_OF_PICTURE), 0)
        pictures = pictures_for(context, count)
        return pictures if pictures and self._asker.accepts_pictures(service, max_tokens) else ()

    def _service_for_pictures(self) -> AIService | None:
        """Return a connection that goes to private addresses only, or None if pictures may not be sent.

        The addresses of this connection are checked, so a name that leads elsewhere a moment later receives nothing.
        """
        if settings.NEMOTRON_IMAGES == "never":
            return None
        if settings.NEMOTRON_IMAGES_OUTSIDE:
            return self._service
        addresses = tuple(private_addresses(self.settings.url))
        if not addresses:
            return None
        with self._lock:
            if addresses not in self._pinned:
                self._pinned[addresses] = self._connection(addresses)
            return self._pinned[addresses]

    def _connection(self, addresses: tuple[str, ...] = ()) -> AIService:
        key = self.settings.api_key
        return AIService(
            self.settings.name,
            self.settings.url.rstrip("/").removesuffix("/v1"),  # as other programs want it written
            connect_timeout=settings.AI_CONNECT_TIMEOUT,
            read_timeout=settings.NEMOTRON_READ_TIMEOUT,
            headers={"Authorization": f"Bearer {key}"} if key else None,
            addresses=addresses,
        )

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
        for service in (self._service, *self._pinned.values()):
            service.close()


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
