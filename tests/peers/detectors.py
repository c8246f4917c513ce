"""Detection services for tests: real servers on loopback that speak RT-DETR's and DeepStack's protocol.

with RtDetrPeer() as peer:           # answers every picture with one person
    peer.answer = Answer(503, b"", {"Retry-After": "7"})   # or a misbehaviour below
    ...
    assert peer.calls == 1
"""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from PIL import Image


@dataclass(frozen=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


@dataclass(frozen=True)
class Silence:
    """The request is read, and nothing is ever answered."""


@dataclass(frozen=True)
class ClosedEarly:
    """`body` is promised in full, and the connection is closed after `sent` bytes of it (none: before the status)."""

    body: bytes = b""
    sent: int = 0


@dataclass(frozen=True)
class Trickle:
    """A good answer, a byte at a time, with `seconds` between two; with `head`, from the status line on."""

    body: bytes
    seconds: float
    head: bool = False


@dataclass(frozen=True)
class Received:
    """What a detection request carried: the picture, the other form fields, and the headers (lower case)."""

    picture: bytes
    content_type: str
    form: dict[str, str]
    headers: dict[str, str]
    size: tuple[int, int]


Reply = Answer | Silence | ClosedEarly | Trickle


def json_answer(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode())


class DetectorPeer:
    """A server with one detection route. `calls` counts the pictures, `received` keeps the last hundred.

    `answer` is a `Reply`, or a function from what was received to one. A request that breaks the protocol
    (no file field, no real picture) is counted in `faults` and answered with 400.
    """

    route = ""
    file_field = ""
    health_route = ""

    def __init__(self) -> None:
        self.calls = 0
        self.connections = 0
        self.faults: list[str] = []
        self.received: list[Received] = []
        self.answer: Reply | Callable[[Received], Reply] = self.person
        self.health: Answer = self.healthy()
        self._lock = threading.Lock()
        self.stopped = threading.Event()

    def person(self, received: Received) -> Answer:
        """The default: one person in the middle of whatever came."""
        raise NotImplementedError

    def healthy(self) -> Answer:
        raise NotImplementedError

    def refuses_all_but(self, good: bytes, refusal: Answer) -> None:
        """From now on every picture is refused, save the one with these bytes."""
        self.answer = lambda received: self.person(received) if received.picture == good else refusal

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def take(self, handler: BaseHTTPRequestHandler, body: bytes) -> Reply:
        """What to answer to a detection request."""
        with self._lock:
            self.calls += 1
        try:
            received = self._read(handler, body)
        except (ValueError, OSError) as error:
            self.faults.append(str(error))
            return json_answer({"error": str(error)}, 400)
        with self._lock:
            self.received = [*self.received[-99:], received]
        return self.answer(received) if callable(self.answer) else self.answer

    def _read(self, handler: BaseHTTPRequestHandler, body: bytes) -> Received:
        fields = _form(handler.headers.get("Content-Type", ""), body)
        part = fields.pop(self.file_field, None)
        if part is None or not part.get_filename():
            raise ValueError(f"no file in the field {self.file_field!r}")
        picture = part.get_payload(decode=True)
        if not isinstance(picture, bytes):
            raise ValueError("an empty file")
        with Image.open(io.BytesIO(picture)) as image:
            image.load()
            size = image.size
        form = {name: str(one.get_payload(decode=False)) for name, one in fields.items()}
        headers = {name.lower(): value for name, value in handler.headers.items()}
        return Received(picture, part.get_content_type(), form, headers, size)


class RtDetrPeer(DetectorPeer):
    """RT-DETR: `POST /detect` with `file`, `GET /health`."""

    route, file_field, health_route = "/detect", "file", "/health"

    def person(self, received: Received) -> Answer:
        return json_answer(self.detections(received, [person_box(received.size)]))

    def healthy(self) -> Answer:
        return json_answer({"status": "healthy", "model_loaded": True, "device": "cpu"})

    @staticmethod
    def detections(received: Received, found: list[Any]) -> dict[str, Any]:
        """A whole answer around the given detections."""
        width, height = received.size
        return {"detections": found, "inference_time_ms": 4.2, "image_width": width, "image_height": height}


class DeepStackPeer(DetectorPeer):
    """DeepStack and CodeProject.AI: `POST /v1/vision/detection` with `image`, `GET /v1/status/ping`."""

    route, file_field, health_route = "/v1/vision/detection", "image", "/v1/status/ping"

    def person(self, received: Received) -> Answer:
        width, height = received.size
        edges = {"x_min": width // 4, "y_min": height // 4, "x_max": width // 2, "y_max": height * 3 // 4}
        return json_answer({"success": True, "predictions": [{"label": "person", "confidence": 0.95, **edges}]})

    def healthy(self) -> Answer:
        return json_answer({"success": True})


def person_box(size: tuple[int, int], confidence: float = 0.95, label: str = "person") -> dict[str, Any]:
    """A detection as RT-DETR writes it: a quarter of the width and half the height of a picture of `size`."""
    width, height = size
    bbox = {"x": width / 4, "y": height / 4, "width": width / 4, "height": height / 2}
    return {"class": label, "confidence": confidence, "bbox": bbox}


def _form(content_type: str, body: bytes) -> dict[str, Message]:
    """The parts of a multipart/form-data body by field name. Raises ValueError when it is none."""
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    if message.get_content_type() != "multipart/form-data" or message.defects:
        raise ValueError(f"not a multipart/form-data body: {message.defects}")
    return {str(part.get_param("name", header="Content-Disposition")): part for part in message.iter_parts()}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, peer: DetectorPeer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.peer = peer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Quiet about clients that hang up, which the misbehaviours make them do; loud about anything else."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet for head and body

    def setup(self) -> None:
        super().setup()
        self.server.peer.connections += 1

    def do_GET(self) -> None:
        self._send(self.server.peer.health if self.path == self.server.peer.health_route else Answer(404, b"{}"))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != self.server.peer.route:
            self._send(Answer(404, b"{}"))
            return
        reply = self.server.peer.take(self, body)
        if isinstance(reply, Answer):
            self._send(reply)
        else:
            self.close_connection = True
            self._misbehave(reply)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def _misbehave(self, reply: Silence | ClosedEarly | Trickle) -> None:
        if isinstance(reply, Silence):
            self.server.peer.stopped.wait(30)
        elif isinstance(reply, ClosedEarly):
            if reply.sent:
                self._promise(reply.body)
                self.wfile.write(reply.body[: reply.sent])
        elif reply.head:
            length = f"Content-Length: {len(reply.body)}\r\n"
            self._trickle(b"HTTP/1.1 200 OK\r\n" + length.encode() + b"\r\n" + reply.body, reply.seconds)
        else:
            self._promise(reply.body)
            self._trickle(reply.body, reply.seconds)

    def _promise(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()

    def _trickle(self, content: bytes, seconds: float) -> None:
        try:
            for byte in content:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if self.server.peer.stopped.wait(seconds):
                    return
        except OSError:
            return  # the client has hung up, as it should

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named so by the base class
        """Quiet: a test looks at `calls` and `faults`."""
