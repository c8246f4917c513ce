"""The models and the health of a language model server."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace

from hsi.errors import AIServiceAnswerError, AIServiceError, AIServiceUnavailableError
from hsi.outbound.ai_service import AIService
from hsi.outbound.error_responses import one_line

MODELS = "/v1/models"
HEALTH = "/health"
ABSENT = frozenset({404, 405})
UNWELL = frozenset({"loading", "loading model", "error", "unhealthy", "starting"})
SHOWN_MODELS = 5
# The server of llama.cpp has one model and accepts any name for it.
ANY_NAME = "llamacpp"
CANNOT_CHAT = re.compile(
    r"(?i)(?:^|[-_/:. ])(?:text-)?(?:embed(?:ding)?s?|rerank(?:er)?|bge|gte|e5|minilm|whisper|tts|clip|siglip"
    r"|flux|sdxl|stable-diffusion|reward|guard)(?:$|[-_/:. 0-9])|embed"
)


@dataclass(frozen=True, slots=True)
class Model:
    """A model in the list of a server."""

    name: str
    owned_by: str = ""
    context_tokens: int | None = None


def models(service: AIService, deadline: float) -> list[Model]:
    """Return the models of the server, until `deadline` (of `time.monotonic`). Raises `AIServiceError`."""
    listed = service.get_json(MODELS, timeout=left(deadline))
    items = listed.get("data") if isinstance(listed, dict) else None
    if not isinstance(items, list):
        raise AIServiceAnswerError(f"{service.name} answered {MODELS} without a list of models", service=service.name)
    return [
        Model(item["id"], str(item.get("owned_by") or ""), _context_tokens(item))
        for item in items
        if isinstance(item, dict) and isinstance(item.get("id"), str)
    ]


def chosen(offered: list[Model], wanted: str) -> Model:
    """Return the model of that name, else the first that can chat. Its name is "" if there is none."""
    if wanted:
        return next((model for model in offered if _is(wanted, model.name)), _unlisted(offered, wanted))
    return next((model for model in offered if can_chat(model)), Model(""))


def can_chat(model: Model) -> bool:
    """Whether the name says nothing else: servers list models for embeddings, ranking, speech and pictures too."""
    return not CANNOT_CHAT.search(model.name)


def _unlisted(offered: list[Model], wanted: str) -> Model:
    """Return a model that the server answers with by another name."""
    return replace(offered[0], name=wanted) if offered and offered[0].owned_by == ANY_NAME else Model(wanted)


def _context_tokens(item: dict[str, object]) -> int | None:
    """Return the context length in the list of vLLM."""
    tokens = item.get("max_model_len")
    return tokens if isinstance(tokens, int) and tokens > 0 else None


def require(wanted: str, offered: list[Model], service: str) -> str:
    """Return the model that will answer. Raises `AIServiceUnavailableError` if the server lacks it."""
    if not wanted:
        return chosen(offered, "").name
    if not offered or any(model.owned_by == ANY_NAME or _is(wanted, model.name) for model in offered):
        return wanted
    names = ", ".join(one_line(model.name, 60) for model in offered[:SHOWN_MODELS])
    raise AIServiceUnavailableError(
        f"{service} does not have the model {one_line(wanted, 60)} (NEMOTRON_MODEL). It has: {names}", service=service
    )


def _is(wanted: str, name: str) -> bool:
    """Whether both names mean the same model: `llama3` is `llama3:latest`, and case is ignored."""
    a, b = (text.casefold().removesuffix(":latest") for text in (wanted, name))
    return a == b


def healthy(service: AIService, deadline: float) -> bool:
    """Return True if `/health` reports healthy, False if it does not exist. vLLM answers empty, llama.cpp JSON."""
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
