"""What a language model server offers: which models it lists, and whether it says that it is well."""

from __future__ import annotations

import time
from dataclasses import dataclass

from hsi.errors import AIServiceAnswerError, AIServiceError, AIServiceUnavailableError
from hsi.outbound.ai_service import AIService
from hsi.outbound.error_responses import one_line

MODELS = "/v1/models"
HEALTH = "/health"
ABSENT = frozenset({404, 405})
UNWELL = frozenset({"loading", "loading model", "error", "unhealthy", "starting"})
SHOWN_MODELS = 5
# llama.cpp's server has one model and answers by whatever name it is asked for.
ANY_NAME = "llamacpp"


@dataclass(frozen=True, slots=True)
class Model:
    """One model of a server's list."""

    name: str
    owned_by: str = ""


def models(service: AIService, deadline: float) -> list[Model]:
    """The models that the server lists, until `deadline` (of `time.monotonic`). Raises `AIServiceError`."""
    listed = service.get_json(MODELS, timeout=left(deadline))
    items = listed.get("data") if isinstance(listed, dict) else None
    if not isinstance(items, list):
        raise AIServiceAnswerError(f"{service.name} answered {MODELS} without a list of models", service=service.name)
    return [
        Model(one["id"], str(one.get("owned_by") or ""))
        for one in items
        if isinstance(one, dict) and isinstance(one.get("id"), str)
    ]


def first_model(service: AIService, deadline: float) -> str:
    """The first of them, "" when it lists none."""
    found = models(service, deadline)
    return found[0].name if found else ""


def require(wanted: str, found: list[Model], service: str) -> str:
    """The model that will answer. Raises `AIServiceUnavailableError` where the server does not have the one wanted."""
    if not wanted:
        return found[0].name if found else ""
    if not found or any(one.owned_by == ANY_NAME or _is(wanted, one.name) for one in found):
        return wanted
    names = ", ".join(one_line(one.name, 60) for one in found[:SHOWN_MODELS])
    raise AIServiceUnavailableError(
        f"{service} does not have the model {one_line(wanted, 60)} (NEMOTRON_MODEL). It has: {names}", service=service
    )


def _is(wanted: str, name: str) -> bool:
    """Whether these are the same: `llama3` is `llama3:latest`, and upper case does not matter."""
    a, b = (one.casefold().removesuffix(":latest") for one in (wanted, name))
    return a == b


def healthy(service: AIService, deadline: float) -> bool:
    """True when `/health` says so, False when there is none. vLLM's is empty, llama.cpp's JSON."""
    try:
        said = service.get_json(HEALTH, timeout=left(deadline))
    except AIServiceAnswerError:
        return True
    except AIServiceError as error:
        if error.http_status in ABSENT:
            return False
        raise
    status = said.get("status") if isinstance(said, dict) else None
    if isinstance(status, str) and status.lower() in UNWELL:
        raise AIServiceUnavailableError(f"{service.name} says it is not ready: {status}", service=service.name)
    return True


def left(deadline: float) -> float:
    return max(deadline - time.monotonic(), 0.001)
