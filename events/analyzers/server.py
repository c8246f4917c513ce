"""Sends prompts to a language model server. What it supports is detected once and kept while it stays the same."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace

from django.conf import settings

from events.analyzers.apis import Answer, Api, ChatCompletions, Completion
from events.analyzers.pictures import COLOURS, probe
from events.analyzers.prompt import Prompt, harmless
from events.analyzers.server_features import LLAMA_CPP, Features, detect
from events.analyzers.server_memory import ServerSettings, Target, forget, recall, remember
from events.analyzers.server_offer import ABSENT, Model, chosen, models
from hsi.errors import AIServiceAnswerError, AIServiceError, AIServiceRejectedError, AIServiceUnavailableError
from hsi.outbound.ai_service import AIService, of_connection
from hsi.outbound.error_responses import SPEAKS_OF_SETUP, words_in

# Some servers answer 5xx to unknown parameters.
SPEAKS_OF_FORM = re.compile(r"response_format|json_schema|json_object|grammar|schema|penalty|system role|role", re.I)

SPEAKS_OF_PICTURES = re.compile(
    r"imag|vision|multi-?modal|mmproj|picture|content type|context|too (?:large|long)|tokens", re.I
)


class Asker:
    """Sends prompts to one server. Shared between threads.

    If a server rejects the form of a request, `json_schema` or a parameter, the next plainer manner that it accepts is
    used from then on. The server is detected again after a failed call, when another model answers, and periodically.
    """

    def __init__(self, service: AIService, server: ServerSettings) -> None:
        self._service = service
        self._server = server
        self._answered_by = ""  # the model in the last answer
        self._last_refused: tuple[str, str] = ("", "")  # the question and the words of the server
        self._lock = threading.Lock()

    def ask(self, prompt: Prompt, max_tokens: int) -> Answer:
        """Return the answer of the model.

        Raises `AIServiceError`; `AIServiceRejectedError` if only this prompt is rejected.
        """
        target = self.target()
        try:
            return self._answer(target, prompt, max_tokens)
        except AIServiceError as error:
            if not _is_refusal(error):
                forget(self._server.name)
                raise
            target = self._taken(target, max_tokens, error)
        try:
            return self._answer(target, prompt, max_tokens)
        except AIServiceRejectedError as error:
            self._raise_if_repeated(prompt, error)
            raise

    def ask_with_pictures(self, service: AIService, prompt: Prompt, max_tokens: int) -> Answer:
        """Return the answer to a prompt with pictures, sent over `service`. Raises `AIServiceError`."""
        try:
            answer = self._answer(self.target(), prompt, max_tokens, service)
        except AIServiceError as error:
            if not speaks_of_pictures(error):
                forget(self._server.name)
            raise
        return replace(answer, picture_count=len(prompt.pictures))

    def accepts_pictures(self, service: AIService, max_tokens: int) -> bool:
        """Whether the model sees pictures. If the server does not say so, ask once for the colour of one."""
        target = self.target()
        accepts = target.features.accepts_pictures
        return self._try_picture(target, service, max_tokens) if accepts is None else accepts

    def drop_pictures(self) -> None:
        """Remember that the server rejects pictures."""
        self._remember_pictures(self.target(), accepts=False)

    def _try_picture(self, target: Target, service: AIService, max_tokens: int) -> bool:
        picture, colour = probe()
        question = f"Which colour has the picture: {', '.join(COLOURS)}? Answer with one word."
        prompt = Prompt("You answer with one word.", question, {}, (picture,))
        manner = replace(target.manner, form="text")
        body = target.api.body(prompt, target.model, max_tokens, manner, target.features.software)
        try:
            text = str(target.api.answer(service.post_json(target.api.path, json=body)).text).lower()
        except AIServiceError as error:
            if not speaks_of_pictures(error):
                raise
            text = ""
        named = [name for name in COLOURS if name in text]
        self._remember_pictures(target, accepts=named == [colour])
        return named == [colour]

    def _remember_pictures(self, target: Target, *, accepts: bool) -> None:
        remember(self._server, replace(target, features=replace(target.features, accepts_pictures=accepts)))

    def target(self) -> Target:
        """Return what is known about the server, and detect it if nothing is."""
        with self._lock:
            known = recall(self._server)
            return known or self._detected()

    def detect_again(self) -> Target:
        """Detect the server now. Raises `AIServiceError`."""
        with self._lock:
            return self._detected()

    def _answer(self, target: Target, prompt: Prompt, max_tokens: int, service: AIService | None = None) -> Answer:
        reply = (service or self._service).post_json(target.api.path, json=_body(target, prompt, max_tokens))
        _raise_error_inside(reply, self._service.name)
        answer = target.api.answer(reply)
        if self._answered_by not in ("", answer.model):
            forget(self._server.name)
        self._answered_by = answer.model
        return replace(answer, model=answer.model or target.model)

    def _detected(self) -> Target:
        deadline = time.monotonic() + settings.AI_HEALTH_TIMEOUT
        api, model = self._api_and_model(deadline)
        has_chat = api.name == ChatCompletions.name
        features = detect(self._service, model, deadline) if has_chat else Features(LLAMA_CPP, accepts_pictures=False)
        target = Target(api, model.name, api.manners[0], features)
        remember(self._server, target)
        return target

    def _api_and_model(self, deadline: float) -> tuple[Api, Model]:
        if self._server.api == Completion.name:
            return Completion(), Model(self._server.model)
        try:
            offered = models(self._service, deadline)
        except AIServiceError as error:
            is_absent = error.http_status in ABSENT
            if self._server.api == "auto" and is_absent:
                return Completion(), Model(self._server.model)
            if self._server.model and is_absent:
                return ChatCompletions(), Model(self._server.model)
            raise
        return ChatCompletions(), chosen(offered, self._server.model)

    def _taken(self, target: Target, max_tokens: int, refused: AIServiceError) -> Target:
        """Return the target with the best manner in which the server accepts a harmless prompt.

        Raises `AIServiceUnavailableError` if there is none: then the server rejects every prompt, not only the current
        one.
        """
        prompt = harmless(max_tokens)
        for manner in target.api.manners:
            tried = replace(target, manner=manner)
            try:
                self._service.post_json(tried.api.path, json=_body(tried, prompt, max_tokens))
            except AIServiceError as error:
                if not _is_refusal(error):
                    forget(self._server.name)
                    raise
                continue
            remember(self._server, tried)
            return tried
        forget(self._server.name)
        raise of_connection(refused) from refused

    def _raise_if_repeated(self, prompt: Prompt, error: AIServiceRejectedError) -> None:
        """Raise `AIServiceUnavailableError` for the same refusal of another prompt in a row: the server is at fault."""
        question, words = self._last_refused
        self._last_refused = (prompt.question, words_in(error.body))
        if words and words == self._last_refused[1] and question != prompt.question:
            raise of_connection(error) from error


def _body(target: Target, prompt: Prompt, max_tokens: int) -> dict[str, object]:
    return target.api.body(prompt, target.model, max_tokens, target.manner, target.features.software)


def speaks_of_pictures(error: AIServiceError) -> bool:
    """Whether the server may accept the same request with fewer pictures, or without them."""
    is_refusal = isinstance(error, AIServiceRejectedError) or error.http_status in (413, 501)
    return is_refusal or ((error.http_status or 0) >= 500 and bool(SPEAKS_OF_PICTURES.search(words_in(error.body))))


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
