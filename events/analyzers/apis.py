"""The two ways a language model server is asked: OpenAI's chat completions, and llama.cpp's own completion.

Each turns a prompt into the body of a request, and the reply into the model's text. The answer is bound
by a JSON schema in both, where the server can do that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from events.analyzers.prompt import Prompt

# Low, not zero: an answer that was refused must be able to come out differently when it is asked again.
TEMPERATURE = 0.2
# Small models repeat themselves to the end of the allowance without these. The first is OpenAI's name, the
# second llama.cpp's; a server ignores the one it does not know.
FREQUENCY_PENALTY = 0.3
REPEAT_PENALTY = 1.15
PENALTIES = {
    "temperature": TEMPERATURE,
    "frequency_penalty": FREQUENCY_PENALTY,
    "repeat_penalty": REPEAT_PENALTY,
}
# llama.cpp's completion knows no chat template: these end a turn in the common ones.
STOP = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "</s>")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said. `text` is whatever JSON value stood in the place of the text."""

    text: object
    model: str = ""
    cut_off: bool = False  # the tokens ran out before the answer was complete


@dataclass(frozen=True, slots=True)
class Manner:
    """How much a request asks of a server.

    `form` is what binds the answer: `json_schema`, `json_object`, or `text` (the prompt alone). A `plain` request has
    one message and no penalties.
    """

    form: str
    plain: bool = False


class Api(Protocol):
    """One way of asking. `manners` are those that a server may know, the best first."""

    name: str
    path: str
    manners: tuple[Manner, ...]

    def body(self, prompt: Prompt, model: str, max_tokens: int, manner: Manner) -> dict[str, Any]: ...

    def answer(self, reply: object) -> Answer: ...


class ChatCompletions:
    """`POST /v1/chat/completions`: llama.cpp server, vLLM, Ollama, LM Studio."""

    name = "openai"
    path = "/v1/chat/completions"
    manners: tuple[Manner, ...] = (
        Manner("json_schema"),
        Manner("json_object"),
        Manner("text"),
        Manner("json_schema", plain=True),
        Manner("json_object", plain=True),
        Manner("text", plain=True),
    )

    def body(self, prompt: Prompt, model: str, max_tokens: int, manner: Manner) -> dict[str, Any]:
        return {
            **({"model": model} if model else {}),
            "messages": self._messages(prompt, manner),
            **self._format(prompt, manner),
            "max_tokens": max_tokens,
            **({} if manner.plain else PENALTIES),
            "stream": False,
        }

    def _messages(self, prompt: Prompt, manner: Manner) -> list[dict[str, str]]:
        if manner.plain:
            return [{"role": "user", "content": f"{prompt.instructions}\n\n{prompt.question}"}]
        return [
            {"role": "system", "content": prompt.instructions},
            {"role": "user", "content": prompt.question},
        ]

    def _format(self, prompt: Prompt, manner: Manner) -> dict[str, Any]:
        if manner.form == "json_schema":
            schema = {"name": "verdict", "strict": True, "schema": prompt.schema}
            return {"response_format": {"type": "json_schema", "json_schema": schema}}
        return {"response_format": {"type": manner.form}} if manner.form == "json_object" else {}

    def answer(self, reply: object) -> Answer:
        choice = _first(_field(reply, "choices"))
        text = _field(_field(choice, "message"), "content")
        return Answer(text, _name(_field(reply, "model")), _field(choice, "finish_reason") == "length")


class Completion:
    """llama.cpp's `POST /completion`: a plain prompt, the reply in `content`."""

    name = "llamacpp"
    path = "/completion"
    manners: tuple[Manner, ...] = (Manner("json_schema"), Manner("text"))

    def body(self, prompt: Prompt, model: str, max_tokens: int, manner: Manner) -> dict[str, Any]:
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
        # Servers before 2025 say `stopped_limit`, later ones `stop_type`; `truncated` is a prompt that did not fit.
        cut = _field(reply, "stop_type") == "limit" or _field(reply, "stopped_limit") is True
        cut = cut or _field(reply, "truncated") is True
        return Answer(_field(reply, "content"), _name(_field(reply, "model")), cut)


def _field(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else None


def _name(value: object) -> str:
    return value if isinstance(value, str) else ""
