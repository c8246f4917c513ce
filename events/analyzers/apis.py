"""The two APIs of language model servers: OpenAI's chat completions, and the completion of llama.cpp.

Each turns a prompt into the body of a request, and the reply into the text of the model. Both constrain the answer by a
JSON schema if the server supports it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

from events.analyzers.extract import KEY
from events.analyzers.prompt import Prompt
from events.analyzers.server_features import LLAMA_CPP, LM_STUDIO, OLLAMA, TENSORRT, VLLM

# Low, not zero: after a rejected answer, another attempt must be able to give another answer.
TEMPERATURE = 0.2
# Without a penalty, small models repeat themselves up to the token limit.
FREQUENCY_PENALTY = 0.3
REPEAT_PENALTY = 1.15
STANDARD = {"temperature": TEMPERATURE, "frequency_penalty": FREQUENCY_PENALTY}
# Fields that only this software has. Reasoning would cost minutes and the tokens of the answer, so it is turned off.
NO_THINKING = {"chat_template_kwargs": {"enable_thinking": False}}
EXTRAS: dict[str, dict[str, Any]] = {
    LLAMA_CPP: {"repeat_penalty": REPEAT_PENALTY, "cache_prompt": True, **NO_THINKING},
    VLLM: {"repetition_penalty": REPEAT_PENALTY, **NO_THINKING},
    TENSORRT: {"repetition_penalty": REPEAT_PENALTY, **NO_THINKING},
    OLLAMA: {"reasoning_effort": "none"},
    LM_STUDIO: {"repeat_penalty": REPEAT_PENALTY},
}
OTHER_EXTRAS = {"repeat_penalty": REPEAT_PENALTY}
# The completion of llama.cpp applies no chat template. These end a turn in the common templates.
STOP = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "</s>")


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of the model. `text` is the JSON value of the text field, of any type."""

    text: object
    model: str = ""
    cut_off: bool = False  # the token limit ended the answer
    is_prompt_cut_off: bool = False  # the model read only a part of the prompt
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    picture_count: int = 0  # pictures that were sent


@dataclass(frozen=True, slots=True)
class Manner:
    """Which features of a server a request uses.

    `form` constrains the answer: `json_schema`, `json_schema_plain` (without limits of lengths and numbers, which some
    servers do not know), `json_object`, or `text` (only the prompt). `fields` are `all`, `standard` (those of OpenAI),
    or `none` (one message and no optional fields).
    """

    form: str
    fields: str = "all"


class Api(Protocol):
    """An API of servers. `manners` are those that a server may support, the best first."""

    name: str
    path: str
    manners: tuple[Manner, ...]

    def body(
        self, prompt: Prompt, model: str, max_tokens: int, manner: Manner, software: str = ""
    ) -> dict[str, Any]: ...

    def answer(self, reply: object) -> Answer: ...


class ChatCompletions:
    """`POST /v1/chat/completions`: llama.cpp server, vLLM, Ollama, LM Studio, TensorRT-LLM."""

    name = "openai"
    path = "/v1/chat/completions"
    manners: tuple[Manner, ...] = (
        Manner("json_schema"),
        Manner("json_schema", "standard"),
        Manner("json_schema_plain", "standard"),
        Manner("json_object"),
        Manner("json_object", "standard"),
        Manner("text", "standard"),
        Manner("json_schema", "none"),
        Manner("json_object", "none"),
        Manner("text", "none"),
    )

    def body(self, prompt: Prompt, model: str, max_tokens: int, manner: Manner, software: str = "") -> dict[str, Any]:
        return {
            **({"model": model} if model else {}),
            "messages": self._messages(prompt, manner),
            **self._format(prompt, manner),
            "max_tokens": max_tokens,
            **({} if manner.fields == "none" else STANDARD),
            **(EXTRAS.get(software, OTHER_EXTRAS) if manner.fields == "all" else {}),
            "stream": False,
        }

    def _messages(self, prompt: Prompt, manner: Manner) -> list[dict[str, Any]]:
        if manner.fields == "none":
            return [{"role": "user", "content": _content(f"{prompt.instructions}\n\n{prompt.question}", prompt)}]
        return [
            {"role": "system", "content": prompt.instructions},
            {"role": "user", "content": _content(prompt.question, prompt)},
        ]

    def _format(self, prompt: Prompt, manner: Manner) -> dict[str, Any]:
        if manner.form == "text":
            return {}
        if manner.form == "json_object":
            return {"response_format": {"type": "json_object"}}
        schema = prompt.schema if manner.form == "json_schema" else without_limits(prompt.schema)
        wrapped = {"name": "verdict", "strict": True, "schema": schema}
        return {"response_format": {"type": "json_schema", "json_schema": wrapped}}

    def answer(self, reply: object) -> Answer:
        choice = _first(_field(reply, "choices"))
        text = text_of(_field(choice, "message"))
        usage = _field(reply, "usage")
        return Answer(
            text,
            _name(_field(reply, "model")),
            _field(choice, "finish_reason") == "length",
            prompt_tokens=_count(_field(usage, "prompt_tokens")),
            answer_tokens=_count(_field(usage, "completion_tokens")),
        )


class Completion:
    """llama.cpp's `POST /completion`: a plain prompt, the reply in `content`."""

    name = "llamacpp"
    path = "/completion"
    manners: tuple[Manner, ...] = (Manner("json_schema"), Manner("text"))

    def body(self, prompt: Prompt, model: str, max_tokens: int, manner: Manner, software: str = "") -> dict[str, Any]:
        return {
            "prompt": f"{prompt.instructions}\n\n{prompt.question}\n",
            "n_predict": max_tokens,
            **({"json_schema": prompt.schema} if manner.form == "json_schema" else {}),
            "temperature": TEMPERATURE,
            "repeat_penalty": REPEAT_PENALTY,
            "stop": list(STOP),
            "cache_prompt": True,  # the instructions are the same each time
            "stream": False,
        }

    def answer(self, reply: object) -> Answer:
        # Servers before 2025 return `stopped_limit`, later ones `stop_type`.
        cut = _field(reply, "stop_type") == "limit" or _field(reply, "stopped_limit") is True
        is_prompt_cut_off = _field(reply, "truncated") is True
        return Answer(
            _field(reply, "content"),
            _name(_field(reply, "model")),
            cut,
            is_prompt_cut_off,
            prompt_tokens=_count(_field(reply, "tokens_evaluated")),
            answer_tokens=_count(_field(reply, "tokens_predicted")),
        )


def _content(text: str, prompt: Prompt) -> str | list[dict[str, Any]]:
    """Return the text, or its parts if there are pictures."""
    if not prompt.pictures:
        return text
    images = [{"type": "image_url", "image_url": {"url": picture.data_url}} for picture in prompt.pictures]
    return [{"type": "text", "text": text}, *images]


def without_limits(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema without the limits of each property."""
    kept = {
        name: {key: value for key, value in facts.items() if key in ("type", "enum")}
        for name, facts in schema["properties"].items()
    }
    return {**schema, "properties": kept}


def text_of(message: object) -> object:
    """Return the text of a message that holds the verdict, wherever a server puts it, else its content."""
    content = _joined(_field(message, "content"))
    call = _field(_first(_field(message, "tool_calls")), "function") or _field(message, "function_call")
    arguments = _field(call, "arguments")
    # Servers that separate the reasoning sometimes put the whole answer there: vLLM and LM Studio, Ollama, others.
    thoughts = [_field(message, name) for name in ("reasoning_content", "reasoning", "thinking")]
    texts = [content, json.dumps(arguments) if isinstance(arguments, dict) else arguments, *thoughts]
    return next((text for text in texts if isinstance(text, str) and KEY in text), content)


def _joined(content: object) -> object:
    """Return the text of a content that is a list of parts."""
    if not isinstance(content, list):
        return content
    return "".join(text for part in content if isinstance(text := _field(part, "text"), str))


def _field(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else None


def _count(value: object) -> int | None:
    """Return a number of tokens, or None if it is no plausible one."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 <= value < 2**31 else None  # type: ignore[operator,return-value]


def _name(value: object) -> str:
    return value if isinstance(value, str) else ""
