"""Sends prompts to a language model server. The API of the server is detected once and kept while it stays the same."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, replace

from django.conf import settings

from events.analyzers.apis import Answer, Api, ChatCompletions, Completion, Manner
from events.analyzers.prompt import Prompt, harmless
from events.analyzers.server_offer import ABSENT, first_model
from hsi.errors import AIServiceAnswerError, AIServiceError, AIServiceRejectedError, AIServiceUnavailableError
from hsi.outbound.ai_service import AIService, of_connection
from hsi.outbound.error_responses import SPEAKS_OF_SETUP, words_in

# After this time the best manner is tried again: a newer server may have replaced the old one without a failed call.
KEPT_SECONDS = 3600.0
# Some servers answer 5xx to unknown parameters.
SPEAKS_OF_FORM = re.compile(r"response_format|json_schema|json_object|grammar|schema|penalty|system role|role", re.I)


@dataclass(frozen=True, slots=True)
class Target:
    """The API of the server, the model ("" if the server has one), and the manner of requests."""

    api: Api
    model: str
    manner: Manner
    found_at: float  # seconds of `time.monotonic`


class Asker:
    """Sends prompts to one server. Shared between threads.

    If a server rejects the form of a request, `json_schema` or a parameter, the next plainer manner that it accepts is
    used from then on. The server is detected again after a failed call, when another model answers, and periodically.
    """

    def __init__(self, service: AIService) -> None:
        self._service = service
        self._target: Target | None = None
        self._answered_by = ""  # the model in the last answer
        self._lock = threading.Lock()

    def ask(self, prompt: Prompt, max_tokens: int) -> Answer:
        """Return the answer of the model.

        Raises `AIServiceError`; `AIServiceRejectedError` if only this prompt is rejected.
        """
        target = self._found()
        try:
            return self._answer(target, prompt, max_tokens)
        except AIServiceError as error:
            if not _is_refusal(error):
                self._forget()
                raise
            target = self._taken(target, max_tokens, error)
        return self._answer(target, prompt, max_tokens)

    def _answer(self, target: Target, prompt: Prompt, max_tokens: int) -> Answer:
        reply = self._service.post_json(target.api.path, json=_body(target, prompt, max_tokens))
        _raise_error_inside(reply, self._service.name)
        answer = target.api.answer(reply)
        if self._answered_by not in ("", answer.model):
            self._forget()
        self._answered_by = answer.model
        return replace(answer, model=answer.model or target.model)

    def _found(self) -> Target:
        with self._lock:
            if self._target is None or time.monotonic() - self._target.found_at > KEPT_SECONDS:
                self._target = self._find()
            return self._target

    def _find(self) -> Target:
        api, model = self._api_and_model()
        return Target(api, model, api.manners[0], time.monotonic())

    def _api_and_model(self) -> tuple[Api, str]:
        forced, model = settings.NEMOTRON_API, str(settings.NEMOTRON_MODEL)
        if forced == "llamacpp":
            return Completion(), model
        if forced == "openai" and model:
            return ChatCompletions(), model
        try:
            first = first_model(self._service, time.monotonic() + settings.AI_HEALTH_TIMEOUT)
        except AIServiceError as error:
            if forced == "auto" and error.http_status in ABSENT:
                return Completion(), model
            raise
        return ChatCompletions(), model or first

    def _taken(self, target: Target, max_tokens: int, refused: AIServiceError) -> Target:
        """Return the target with the best manner in which the server accepts a harmless prompt.

        Raises `AIServiceUnavailableError` if there is none: then the server rejects every prompt, not only the current
        one.
        """
        prompt = harmless(max_tokens)
        for manner in target.api.manners:
            tried = replace(target, manner=manner, found_at=time.monotonic())
            try:
                self._service.post_json(tried.api.path, json=_body(tried, prompt, max_tokens))
            except AIServiceError as error:
                if not _is_refusal(error):
                    self._forget()
                    raise
                continue
            self._target = tried
            return tried
        self._forget()
        raise of_connection(refused) from refused

    def _forget(self) -> None:
        self._target = None


def _body(target: Target, prompt: Prompt, max_tokens: int) -> dict[str, object]:
    return target.api.body(prompt, target.model, max_tokens, target.manner)


def _is_refusal(error: AIServiceError) -> bool:
    """Whether the server may accept another form of the request."""
    if isinstance(error, AIServiceRejectedError) or error.http_status == 501:
        return True
    return (error.http_status or 0) >= 500 and bool(SPEAKS_OF_FORM.search(words_in(error.body)))


def _raise_error_inside(reply: object, service: str) -> None:
    """Raise for an error in a reply with status 200, which some servers send."""
    error = reply.get("error") if isinstance(reply, dict) and not reply.get("choices") else None
    if not error:
        return
    words = words_in(error if isinstance(error, str) else _text_of(error))
    kind = AIServiceUnavailableError if SPEAKS_OF_SETUP.search(words) else AIServiceAnswerError
    raise kind(f"{service} answered with an error inside: {words}", service=service, body=words)


def _text_of(error: object) -> str:
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else str(error)
