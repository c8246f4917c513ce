"""Judges a batch by a local language model over HTTP."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

from django.conf import settings

from events.analyzers import Context, Verdict
from events.analyzers.answer import verdict_from
from events.analyzers.apis import Api, ChatCompletions, Completion
from events.analyzers.prompt import prompt_for
from events.analyzers.untrusted import one_line, storable
from hsi.aiservice import AIService
from hsi.errors import AIServiceAnswerError, AIServiceError, AIServiceUnavailableError

SERVICE = "nemotron"
MODELS = "/v1/models"
HEALTH = "/health"
KEPT_PROMPT_CHARACTERS = 16_000
ABSENT = frozenset({404, 405})
UNWELL = frozenset({"loading", "loading model", "error", "unhealthy", "starting"})


@dataclass(frozen=True, slots=True)
class Target:
    """How the server is asked: which of its APIs, for which model ("" when it does not matter)."""

    api: Api
    model: str


class LlmAnalyzer:
    """The `llm` analyser. `NEMOTRON_API=auto` is found out once, and again after a call has failed.

    Raises `AIServiceUnavailableError` when it is made without a `NEMOTRON_URL`.
    """

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
        self._target: Target | None = None
        self._lock = threading.Lock()

    def judge(self, context: Context) -> Verdict:
        """The model's verdict. Raises `AIServiceError`: `AIServiceAnswerError` when what it said cannot be used."""
        target = self._found_target()
        max_tokens = settings.NEMOTRON_MAX_TOKENS
        prompt = prompt_for(context, max_tokens)
        body = target.api.body(prompt, target.model, max_tokens)
        try:
            reply = self._service.post_json(target.api.path, json=body)
        except AIServiceError:
            self._target = None
            raise
        answer = target.api.answer(reply)
        named = replace(answer, model=answer.model or target.model)
        asked = storable(f"{prompt.instructions}\n\n{prompt.question}", KEPT_PROMPT_CHARACTERS)
        return replace(verdict_from(named, context, service=SERVICE), prompt=asked)

    def check(self) -> str:
        """One line when the server is well, within `AI_HEALTH_TIMEOUT`. Raises `AIServiceError`."""
        deadline = time.monotonic() + settings.AI_HEALTH_TIMEOUT
        healthy = self._healthy(deadline)
        if healthy and settings.NEMOTRON_API == "llamacpp":
            return "ready (llamacpp)"
        try:
            model = settings.NEMOTRON_MODEL or self._first_model(deadline)
        except AIServiceError as error:
            if healthy and error.http_status in ABSENT:
                return "ready (llamacpp)"
            raise
        return f"ready ({one_line(model, 100)})" if model else "ready"

    def close(self) -> None:
        self._service.close()

    def _found_target(self) -> Target:
        with self._lock:
            if self._target is None:
                self._target = self._find_target()
            return self._target

    def _find_target(self) -> Target:
        forced, model = settings.NEMOTRON_API, settings.NEMOTRON_MODEL
        if forced == "llamacpp":
            return Target(Completion(), model)
        if forced == "openai" and model:
            return Target(ChatCompletions(), model)
        try:
            first = self._first_model(time.monotonic() + settings.AI_HEALTH_TIMEOUT)
        except AIServiceError as error:
            if forced == "auto" and error.http_status in ABSENT:
                return Target(Completion(), model)
            raise
        return Target(ChatCompletions(), model or first)

    def _first_model(self, deadline: float) -> str:
        """The first model the server offers, "" when it lists none."""
        listed = self._service.get_json(MODELS, timeout=_left(deadline))
        models = listed.get("data") if isinstance(listed, dict) else None
        if not isinstance(models, list):
            raise AIServiceAnswerError(f"{SERVICE} answered {MODELS} without a list of models", service=SERVICE)
        first = models[0].get("id") if models and isinstance(models[0], dict) else None
        return first if isinstance(first, str) else ""

    def _healthy(self, deadline: float) -> bool:
        """True when `/health` says so, False when there is none. vLLM's is empty, llama.cpp's JSON."""
        try:
            said = self._service.get_json(HEALTH, timeout=_left(deadline))
        except AIServiceAnswerError:
            return True
        except AIServiceError as error:
            if error.http_status in ABSENT:
                return False
            raise
        status = said.get("status") if isinstance(said, dict) else None
        if isinstance(status, str) and status.lower() in UNWELL:
            raise AIServiceUnavailableError(f"{SERVICE} says it is not ready: {status}", service=SERVICE)
        return True


def _left(deadline: float) -> float:
    return max(deadline - time.monotonic(), 0.001)
