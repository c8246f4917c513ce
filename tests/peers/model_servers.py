"""The five language model servers as their documentation describes them: lists, own routes, refusals.

Each is a function that changes an `LlmPeer`. `vision` says whether its model accepts pictures.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.peers.llm import LlmPeer, Reply

Change = Callable[[LlmPeer, bool], None]


def has_pictures(body: Any) -> bool:
    return any(isinstance(one["content"], list) for one in body.get("messages", []))


def _listed(peer: LlmPeer, owned_by: str, names: tuple[str, ...], **more: Any) -> None:
    peer.model = names[-1]
    data = [{"id": one, "object": "model", "created": 1754006400, "owned_by": owned_by, **more} for one in names]
    peer.models = Reply(raw=json.dumps({"object": "list", "data": data}).encode())


def _refuses(peer: LlmPeer, is_refused: Callable[[Any], bool], status: int, error: Any) -> None:
    peer.is_refused = is_refused
    peer.refusal = Reply(status=status, raw=json.dumps(error).encode())


def llama_cpp(peer: LlmPeer, vision: bool) -> None:
    _listed(peer, "llamacpp", ("gemma-3-4b-it-Q4_K_M.gguf",), meta={"n_ctx_train": 131072, "n_params": 4300000000})
    peer.routes["GET", "/props"] = {
        "default_generation_settings": {"id": 0, "n_ctx": 8192, "params": {"temperature": 0.8}},
        "total_slots": 1,
        "model_path": "/models/gemma-3-4b-it-Q4_K_M.gguf",
        "modalities": {"vision": vision, "audio": False},
        "build_info": "b6100-65c797c4",
    }
    message = "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
    error = {"error": {"code": 500, "message": message, "type": "server_error"}}
    _refuses(peer, lambda body: has_pictures(body) and not vision, 500, error)


def ollama(peer: LlmPeer, vision: bool) -> None:
    _listed(peer, "library", ("nomic-embed-text:latest", "llama3.2-vision:11b"))
    peer.health = Reply(status=404, raw=b"404 page not found")
    peer.routes["GET", "/api/version"] = {"version": "0.11.4"}
    peer.routes["POST", "/api/show"] = {
        "parameters": 'num_ctx                        8192\nstop                           "<|eot_id|>"',
        "details": {"format": "gguf", "family": "mllama", "parameter_size": "9.8B"},
        "model_info": {"general.architecture": "mllama", "mllama.context_length": 131072},
        "capabilities": ["completion", "vision"] if vision else ["completion", "tools"],
    }
    peer.unknown = Reply(status=404, raw=b"404 page not found")
    error = {"error": {"message": "this model is missing data required for image input", "type": "api_error"}}
    _refuses(peer, lambda body: has_pictures(body) and not vision, 500, error)


def vllm(peer: LlmPeer, vision: bool) -> None:
    name = "nvidia/Nemotron-Nano-VL-12B-V2"
    _listed(peer, "vllm", (name,), root=name, parent=None, max_model_len=8192, permission=[])
    peer.health = Reply(raw=b"")
    peer.routes["GET", "/version"] = {"version": "0.10.1"}
    peer.unknown = Reply(status=404, raw=b'{"detail":"Not Found"}')
    message = "At most 0 image(s) may be provided in one prompt."
    error = {"error": {"message": message, "type": "BadRequestError", "param": None, "code": 400}}
    _refuses(peer, lambda body: has_pictures(body) and not vision, 400, error)


def lm_studio(peer: LlmPeer, vision: bool) -> None:
    names = ("text-embedding-nomic-embed-text-v1.5", "qwen2-vl-7b-instruct")
    _listed(peer, "organization_owner", names)
    kinds = ("embeddings", "vlm" if vision else "llm")
    states = [
        {"id": name, "object": "model", "type": kind, "state": "loaded", "max_context_length": 32768,
         "loaded_context_length": 8192, "compatibility_type": "gguf"}
        for name, kind in zip(names, kinds, strict=True)
    ]  # fmt: skip
    peer.routes["GET", "/api/v0/models"] = {"object": "list", "data": states}
    # Every other path is answered with status 200.
    unexpected = b'{"error":"Unexpected endpoint or method. (GET /health)"}'
    peer.health, peer.unknown = Reply(raw=unexpected), Reply(raw=unexpected)
    error = {"error": "'response_format.type' must be 'json_schema' or 'text'"}
    _refuses(peer, lambda body: body.get("response_format", {}).get("type") == "json_object", 400, error)


def tensorrt_llm(peer: LlmPeer, vision: bool) -> None:
    _listed(peer, "tensorrt_llm", ("nemotron-nano-9b-v2",))
    peer.health = Reply(raw=b"")
    peer.routes["GET", "/version"] = {"version": "1.0.0"}
    peer.unknown = Reply(status=404, raw=b'{"detail":"Not Found"}')
    known = {
        "model", "messages", "response_format", "max_tokens", "temperature", "frequency_penalty", "stream",
        "chat_template_kwargs",
    }  # fmt: skip
    message = "[{'type': 'extra_forbidden', 'loc': ('body', 'x'), 'msg': 'Extra inputs are not permitted'}]"
    error = {"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": 400}
    _refuses(peer, lambda body: not set(body) <= known or (has_pictures(body) and not vision), 400, error)


SERVERS: dict[str, Change] = {
    "llama.cpp": llama_cpp, "Ollama": ollama, "vLLM": vllm, "LM Studio": lm_studio, "TensorRT-LLM": tensorrt_llm,
}  # fmt: skip
