"""The stream on a real socket: a server in a thread, and clients that speak the protocol."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from channels.routing import URLRouter
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client as Browser
from django.utils import timezone
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from events.routing import stream_urlpatterns
from events.stream.handshake import SiteOriginValidator, TokenAuthMiddleware
from events.stream.hub import Hub
from events.stream.schema import ABOUT_THE_CONNECTION
from hsi.models import StreamHead, StreamMessage
from hsi.outbox import publish as stream
from hsi.outbox.messages import CameraId, Message, MessageType
from hsi.security.tokens import create_token
from tests.messages import check_message

PATIENCE_SECONDS = 20


class StreamServer:
    """`host` serves `hub` until `stop()`."""

    def __init__(self, **hub: Any) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.loop = asyncio.new_event_loop()
        self.hub = Hub(**hub)
        config = uvicorn.Config(
            SiteOriginValidator(TokenAuthMiddleware(URLRouter(stream_urlpatterns(self.hub)))),
            lifespan="off",
            log_config=None,
            ws="websockets-sansio",
            ws_ping_interval=None,
            ws_per_message_deflate=False,
            proxy_headers=False,  # whose word counts is decided by us
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        self.loop.run_until_complete(self.server.serve([self.listener]))
        self.loop.close()

    def check(self) -> None:
        """What the hub does every few seconds."""
        asyncio.run_coroutine_threadsafe(self.hub.check_rights(), self.loop).result(PATIENCE_SECONDS)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(PATIENCE_SECONDS)
        assert not self.thread.is_alive()
        self.listener.close()

    @contextmanager
    def client(self, query: str = "", *, path: str = "/ws/events", **options: Any) -> Iterator[ClientConnection]:
        """`token`, `cookie`, and what `websockets.connect` takes."""
        with connect(f"ws://{self.host}{path}{query}", **options_of(**options)) as connection:
            yield connection


def options_of(token: str = "", cookie: str = "", **options: Any) -> dict[str, Any]:
    headers = options.pop("headers", {})
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if cookie:
        headers["Cookie"] = f"sessionid={cookie}"
    return {"additional_headers": headers, "compression": None, "open_timeout": PATIENCE_SECONDS, **options}


def deaf(host: str, token: str) -> socket.socket:
    """A client that reads the answer to its handshake, and then nothing. Its window is small."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(PATIENCE_SECONDS)
    raw.connect((host.split(":")[0], int(host.split(":")[1])))
    lines = [
        "GET /ws/events HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Authorization: Bearer {token}",
    ]
    raw.sendall("\r\n".join([*lines, "", ""]).encode())
    got = b""
    while b"connection.ready" not in got:
        got += raw.recv(100)
    return raw


def frame(connection: ClientConnection) -> dict[str, Any]:
    message = json.loads(connection.recv(timeout=PATIENCE_SECONDS))
    assert isinstance(message, dict)
    if message["type"] == "error" or message["type"] in ABOUT_THE_CONNECTION:
        check_message(message)
    else:  # made up by the test, save for what is around it
        assert list(message) == ["type", "seq", "time", "camera", "data"]
    return message


def ready(connection: ClientConnection) -> int:
    """The newest number, from the first frame."""
    first = frame(connection)
    assert first["type"] == "connection.ready"
    return int(first["seq"])


def seqs(connection: ClientConnection, count: int) -> list[int]:
    return [frame(connection)["seq"] for _ in range(count)]


def say(connection: ClientConnection, kind: str, **fields: Any) -> None:
    connection.send(json.dumps({"type": kind, **fields}))


def end_of(connection: ClientConnection) -> tuple[int, str]:
    """(code, reason) of the close, after whatever else is still said."""
    with pytest.raises(ConnectionClosed) as closed:  # noqa: PT012
        while True:
            connection.recv(timeout=PATIENCE_SECONDS)
    assert closed.value.rcvd is not None, "dropped without a close frame"
    return closed.value.rcvd.code, closed.value.rcvd.reason


def publish(*cameras: str, kind: MessageType = "event.created", **data: Any) -> None:
    """One message for each camera, in one transaction."""
    with transaction.atomic():
        stream.publish(*(Message(kind, CameraId(camera), data) for camera in cameras or ("front",)))


def append_without_a_hint(camera: str = "front") -> None:
    """As a process does whose hint is lost."""
    with transaction.atomic():
        seq = stream.newest() + 1
        StreamHead.objects.update_or_create(pk=1, defaults={"seq": seq})
        StreamMessage.objects.create(seq=seq, type="event.created", camera=camera, data={}, created_at=timezone.now())


def token_of(user: User, *scopes: str) -> str:
    return create_token(user, "test", list(scopes or ("read",)))[1]


def session_of(user: User) -> str:
    """The key of a session in which `user` is signed in."""
    browser = Browser()
    browser.force_login(user)
    return str(browser.session.session_key)
