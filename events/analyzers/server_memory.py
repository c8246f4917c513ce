"""Stores what is known about language model servers, for all processes and for the admin."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta

from django.utils import timezone

from events.analyzers.apis import Api, ChatCompletions, Completion, Manner
from events.analyzers.rejections import AnswerRejectedError
from events.analyzers.server_features import Features
from events.models import LanguageModelServer, RejectedAnswer
from hsi.config.options import redact_url

# After this time the server is detected again: an upgrade may have added a feature without a failed call.
KEPT = timedelta(hours=1)
APIS: dict[str, type[ChatCompletions] | type[Completion]] = {
    ChatCompletions.name: ChatCompletions, Completion.name: Completion,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The settings of one server. `name` is the name of its circuit breaker."""

    name: str
    url: str
    model: str = ""
    api_key: str = ""
    api: str = "auto"

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.url}\n{self.model}\n{self.api}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Target:
    """The API of a server, the model ("" if the server has one), the manner of requests, and its features."""

    api: Api
    model: str
    manner: Manner
    features: Features = field(default_factory=Features)


def recall(server: ServerSettings) -> Target | None:
    """Return the target that was detected for these settings, or None if it must be detected."""
    row = LanguageModelServer.objects.filter(
        name=server.name, configuration=server.digest, detected_at__gt=timezone.now() - KEPT
    ).first()
    if row is None or row.api not in APIS:
        return None
    features = Features(row.software, row.version, row.accepts_pictures, row.context_tokens)
    return Target(APIS[row.api](), row.model, Manner(row.answer_form, row.fields), features)


def remember(server: ServerSettings, target: Target) -> None:
    features = target.features
    values = {
        "configuration": server.digest,
        "address": redact_url(server.url)[:500],
        "software": features.software,
        "version": features.version,
        "api": target.api.name,
        "model": target.model[:200],
        "answer_form": target.manner.form,
        "fields": target.manner.fields,
        "accepts_pictures": features.accepts_pictures,
        "context_tokens": features.context_tokens,
        "detected_at": timezone.now(),
    }
    LanguageModelServer.objects.update_or_create(name=server.name, defaults=values)


def forget(name: str) -> None:
    """Let the server be detected before the next judgement."""
    LanguageModelServer.objects.filter(name=name).update(detected_at=None)


def record_rejection(error: AnswerRejectedError, model: str, camera_id: str) -> None:
    """Store a rejected answer, and remove those before the latest `RejectedAnswer.KEPT`."""
    RejectedAnswer.objects.create(
        kind=error.kind, reason=error.detail[:500], model=model[:200], camera_id=camera_id, answer=error.body
    )
    kept = RejectedAnswer.objects.order_by("-pk").values_list("pk", flat=True)[: RejectedAnswer.KEPT]
    RejectedAnswer.objects.exclude(pk__in=list(kept)).delete()
