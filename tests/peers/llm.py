"""A language model server for tests: real sockets, OpenAI's and llama.cpp's APIs, answers as a test programs them.

with LlmPeer() as peer:
    settings.NEMOTRON_URL = peer.url
    peer.says("not JSON")                       # the next judgement; then the default again
    peer.fails(503, {"Retry-After": "7"})
    peer.default = verdict_text(risk_score=90)  # from now on
    ...
    assert peer.calls == 2                      # judgements; `peer.paths` also has the probes
"""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

CHAT, COMPLETION, MODELS, HEALTH = "/v1/chat/completions", "/completion", "/v1/models", "/health"
MAX_HELD_SECONDS = 30.0
SEEN_LINE = re.compile(r"- [+-][0-9]+ s(?: to [+-][0-9]+ s)?: ([^;,]+?) (?:once|[0-9]+ times)")


def verdict_text(**changes: object) -> str:
    """The JSON text of a valid verdict about a person."""
    fields: dict[str, object] = {
        "risk_score": 42,
        "risk_level": "medium",
        "summary": "Someone was seen in front of the camera.",
        "reasoning": "It is brief, and ordinary for this hour.",
        "recommended_action": "",
    }
    return json.dumps({key: value for key, value in {**fields, **changes}.items() if value is not ...})


def named(text: str, body: Any) -> str:
    """`text` with the first label of the question in the place of "Someone"."""
    first = SEEN_LINE.search(json.dumps(body))
    return text.replace("Someone", f"A {first[1]}") if first else text


@dataclass(frozen=True)
class Request:
    """One request as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any

    @property
    def is_judgement(self) -> bool:
        """Whether this asks for a verdict, and not only whether the model sees pictures."""
        return self.path in {CHAT, COMPLETION} and "Which colour has the picture" not in json.dumps(self.body)


@dataclass(frozen=True)
class Reply:
    """What to send. `text` stands where the API puts the model's words; `raw` replaces the whole body."""

    text: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    cut_off: bool = False
    drip_seconds: float = 0.0  # the pause before each byte, until the peer is closed


class LlmPeer:
    """A server on a free loopback port. `apis` is what it speaks: any of `openai` and `llamacpp`."""

    def __init__(self, *, apis: tuple[str, ...] = ("openai", "llamacpp"), model: str = "stub-model") -> None:
        self.apis, self.model = apis, model
        self.default = verdict_text()
        self.replies: deque[Reply] = deque()  # for judgements, used up one by one
        self.health = Reply(raw=b'{"status":"ok"}')
        self.models: Reply | None = None  # instead of the true list
        self.routes: dict[tuple[str, str], Any] = {}  # more routes, by method and path, with their JSON
        self.unknown = Reply(status=404, raw=b'{"error":{"message":"File Not Found","code":404}}')
        self.is_refused: Callable[[Any], bool] = lambda body: False
        self.refusal = Reply(status=400)
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def judgements(self) -> list[Request]:
        return [one for one in self.requests if one.is_judgement]

    @property
    def calls(self) -> int:
        """How many judgements were asked for."""
        return len(self.judgements)

    @property
    def paths(self) -> list[str]:
        return [one.path for one in self.requests]

    def says(self, text: Any, *, cut_off: bool = False) -> None:
        self.replies.append(Reply(text, cut_off=cut_off))

    def fails(self, status: int, headers: dict[str, str] | None = None, raw: bytes = b'{"error":"stub"}') -> None:
        self.replies.append(Reply(status=status, headers=headers or {}, raw=raw))

    def refuse_when(self, is_refused: Callable[[Any], bool], *, status: int = 400, words: str = "unknown") -> None:
        """From now on requests of judgement whose body is so are answered with `status`."""
        self.is_refused = is_refused
        self.refusal = Reply(status=status, raw=json.dumps({"error": {"message": words}}).encode())

    def reply_to(self, request: Request) -> Reply:
        self.requests.append(request)
        if (request.method, request.path) in self.routes:
            return Reply(raw=json.dumps(self.routes[request.method, request.path]).encode())
        known = {HEALTH: "GET", MODELS: "GET", CHAT: "POST", COMPLETION: "POST"}
        if known.get(request.path) != request.method or not self._speaks(request.path):
            return self.unknown
        if request.path == HEALTH:
            return self.health
        if request.path == MODELS:
            listed = {"object": "list", "data": [{"id": self.model, "object": "model"}]}
            return self.models or Reply(raw=json.dumps(listed).encode())
        if self.is_refused(request.body):
            return self.refusal
        is_next = self.replies and request.is_judgement
        reply = self.replies.popleft() if is_next else Reply(named(self.default, request.body))
        return reply if reply.raw is not None else self._wrapped(reply, request.path)

    def _speaks(self, path: str) -> bool:
        return path == HEALTH or ("llamacpp" if path == COMPLETION else "openai") in self.apis

    def _wrapped(self, reply: Reply, path: str) -> Reply:
        if path == COMPLETION:
            stop = "limit" if reply.cut_off else "eos"
            whole: dict[str, Any] = {"content": reply.text, "model": self.model, "stop": True, "stop_type": stop}
        else:
            message = {"role": "assistant", "content": reply.text}
            choice = {"index": 0, "message": message, "finish_reason": "length" if reply.cut_off else "stop"}
            whole = {"id": "chatcmpl-1", "object": "chat.completion", "model": self.model, "choices": [choice]}
        raw = json.dumps(whole).encode()
        return Reply(status=reply.status, headers=reply.headers, raw=raw, drip_seconds=reply.drip_seconds)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, peer: LlmPeer) -> None:
        self.peer = peer
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = MAX_HELD_SECONDS
    server: _Server

    def do_GET(self) -> None:
        self._serve(None)

    def do_POST(self) -> None:
        self._serve(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _serve(self, body: Any) -> None:
        reply = self.server.peer.reply_to(Request(self.command, self.path, dict(self.headers), body))
        raw = reply.raw or b""
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        try:
            self._send(raw, reply.drip_seconds)
        except OSError:
            self.close_connection = True  # the client had enough

    def _send(self, raw: bytes, drip_seconds: float) -> None:
        if not drip_seconds:
            self.wfile.write(raw)
            return
        for byte in raw:
            if self.server.peer.closing.wait(drip_seconds):
                return
            self.wfile.write(bytes([byte]))

    def log_message(self, *args: object) -> None:
        """Quiet: a test looks at `requests`."""
