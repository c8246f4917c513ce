"""A receiver of webhooks for tests, and of the JSON that Apprise sends: a real HTTP server.

with WebhookPeer() as peer:
    factories.channel(url=peer.url)
    peer.answers(503, {"Retry-After": "7"})  # the next one; then 204 again
    ...
    assert peer.told == [...]
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Post:
    """One request as it came over the wire."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float  # on the monotonic clock

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class WebhookPeer:
    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.replies: deque[tuple[int, dict[str, str]]] = deque()
        self.default = 204
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.peer = self
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}/hook"

    @property
    def told(self) -> list[Any]:
        """The bodies, in the order in which they came."""
        return [post.json for post in self.posts]

    def answers(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.replies.append((status, headers or {}))

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    peer: WebhookPeer
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Senders that are killed break off: that is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        peer = self.server.peer
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            return  # the sender broke off, or was killed
        peer.posts.append(Post(self.path, dict(self.headers), body, time.monotonic()))
        status, headers = peer.replies.popleft() if peer.replies else (peer.default, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass
