"""Finds out which software a language model server runs, and what its own routes tell about the model.

| software | routes and fields |
|---|---|
| llama.cpp | `owned_by: llamacpp`; `/props`: `build_info`, `modalities.vision`, `default_generation_settings.n_ctx` |
| Ollama | `owned_by: library`; `/api/version`; `POST /api/show`: `capabilities`, `model_info`, `parameters` |
| LM Studio | `owned_by: organization_owner`; `/api/v0/models`: `type` (`llm`, `vlm`), `loaded_context_length` |
| vLLM | `owned_by: vllm`, `max_model_len`; `/version` |
| TensorRT-LLM | `owned_by: tensorrt_llm`; `/version` |

A route that is missing or answers with something else means that its facts are unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from events.analyzers.server_offer import Model, left
from hsi.errors import AIServiceError
from hsi.outbound.ai_service import AIService
from hsi.outbound.error_responses import one_line

LLAMA_CPP, OLLAMA, LM_STUDIO, VLLM, TENSORRT = "llama.cpp", "Ollama", "LM Studio", "vLLM", "TensorRT-LLM"
OWNERS = {
    "llamacpp": LLAMA_CPP, "library": OLLAMA, "organization_owner": LM_STUDIO, "vllm": VLLM, "tensorrt_llm": TENSORRT,
}  # fmt: skip
NUM_CTX = re.compile(r"^num_ctx\s+([0-9]{1,9})", re.MULTILINE)
MAX_TOKENS = 100_000_000
VERSION_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Features:
    """What a server says about itself. None and "": it does not say."""

    software: str = ""
    version: str = ""
    accepts_pictures: bool | None = None
    context_tokens: int | None = None


def detect(service: AIService, model: Model, deadline: float) -> Features:
    """Return the features of the server for `model`, until `deadline` (of `time.monotonic`)."""
    software = OWNERS.get(model.owned_by, "")
    readers = [READERS[software]] if software else list(READERS.values())
    for read in readers:
        if features := read(service, model, deadline):
            return features
    return Features(software, context_tokens=model.context_tokens)


def _llama_cpp(service: AIService, model: Model, deadline: float) -> Features | None:
    props = _answer(lambda: service.get_json("/props", timeout=left(deadline)))
    settings = props.get("default_generation_settings")
    if not isinstance(settings, dict):
        return None
    modalities = props.get("modalities")
    vision = modalities.get("vision") if isinstance(modalities, dict) else None
    return Features(LLAMA_CPP, _version(props.get("build_info")), _flag(vision), _tokens(settings.get("n_ctx")))


def _ollama(service: AIService, model: Model, deadline: float) -> Features | None:
    version = _answer(lambda: service.get_json("/api/version", timeout=left(deadline))).get("version")
    shown = _answer(lambda: service.post_json("/api/show", timeout=left(deadline), json={"model": model.name}))
    info, capabilities = shown.get("model_info"), shown.get("capabilities")
    if not isinstance(version, str) or not isinstance(info, dict):
        return None
    # The window of a request is `num_ctx`. Without it, the server chooses one, which is smaller than the model's.
    written = NUM_CTX.search(str(shown.get("parameters") or ""))
    vision = "vision" in capabilities if isinstance(capabilities, list) else None
    return Features(OLLAMA, _version(version), vision, int(written[1]) if written else None)


def _lm_studio(service: AIService, model: Model, deadline: float) -> Features | None:
    items = _answer(lambda: service.get_json("/api/v0/models", timeout=left(deadline))).get("data")
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and item.get("id") == model.name and "type" in item:
            tokens = _tokens(item.get("loaded_context_length")) or _tokens(item.get("max_context_length"))
            return Features(LM_STUDIO, "", item["type"] == "vlm", tokens)
    return None


def _vllm(service: AIService, model: Model, deadline: float) -> Features | None:
    version = _answer(lambda: service.get_json("/version", timeout=left(deadline))).get("version")
    if not isinstance(version, str):
        return None
    software = OWNERS.get(model.owned_by) or (VLLM if model.context_tokens else TENSORRT)
    return Features(software, _version(version), None, model.context_tokens)


READERS: dict[str, Callable[[AIService, Model, float], Features | None]] = {
    LLAMA_CPP: _llama_cpp, OLLAMA: _ollama, LM_STUDIO: _lm_studio, VLLM: _vllm, TENSORRT: _vllm,
}  # fmt: skip


def _answer(ask: Callable[[], object]) -> dict[str, object]:
    """Return the object that a route answers, or an empty one."""
    try:
        answer = ask()
    except AIServiceError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _version(value: object) -> str:
    return one_line(value, VERSION_CHARACTERS) if isinstance(value, str) else ""


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _tokens(value: object) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return int(value) if is_number and 0 < int(value) <= MAX_TOKENS else None  # type: ignore[call-overload]
