"""The web server before hostile clients: real sockets against a real process."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import factories
from tests.browser.site import Site, site

pytestmark = [pytest.mark.slow, pytest.mark.one_engine, pytest.mark.django_db(transaction=True)]

PATIENCE_SECONDS = 20.0


@pytest.fixture
def server(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    factories.user()
    monkeypatch.setenv("REQUEST_TIMEOUT_SECONDS", "1")
    with site(data_dir) as running:
        yield running


def connect(server: Site, head: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), PATIENCE_SECONDS)
    connection.sendall(head.encode())
    return connection


def answer(connection: socket.socket) -> tuple[int, str]:
    """The status, and the code of the problem, once the server has closed."""
    received = b""
    while part := connection.recv(65536):
        received += part
    head, _, content = received.decode().partition("\r\n\r\n")
    return int(head.split()[1]), json.loads(content)["code"] if "problem+json" in head else ""


def post(length: int, path: str = "/login") -> str:
    return f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n"


def trickle(connection: socket.socket) -> tuple[int, str]:
    """Send a byte ten times a second for as long as the server takes them."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    connection.settimeout(0.1)
    received = b""
    while time.monotonic() < deadline:
        try:
            connection.sendall(b"x")
            part = connection.recv(65536)
        except TimeoutError:
            continue
        except ConnectionError:
            part = b""
        received += part
        if not part or b"}" in received:
            break
    assert received, "the server still listens to it"
    head, _, content = received.decode().partition("\r\n\r\n")
    return int(head.split()[1]), json.loads(content)["code"]


def test_what_comes_too_slowly_is_cut_off_and_others_are_served_meanwhile(server: Site):
    slow = [connect(server, post(1000)) for _ in range(50)]
    assert answer(connect(server, "GET /health/live HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"))[0] == 200
    assert trickle(slow[0]) == (408, "REQUEST_TIMEOUT")
    for connection in slow[1:]:
        assert answer(connection) == (408, "REQUEST_TIMEOUT")
    assert answer(connect(server, "GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")) == (408, "REQUEST_TIMEOUT")


def test_what_is_too_large_is_refused_before_it_is_read_and_an_upload_may_be_larger_than_a_form(server: Site):
    assert answer(connect(server, post(10**12))) == (413, "PAYLOAD_TOO_LARGE")
    assert answer(connect(server, post(10**12, "/api/cameras/door/uploads"))) == (413, "PAYLOAD_TOO_LARGE")
    chunked = "POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n" + f"{2**21:x}\r\n"
    connection = connect(server, chunked)
    connection.sendall(b"x" * (1024 * 1024 + 1))
    assert answer(connection) == (413, "PAYLOAD_TOO_LARGE")
    head = post(2 * 1024 * 1024, "/api/cameras/door/uploads").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
    connection = connect(server, head)
    connection.sendall(b"x" * 2 * 1024 * 1024)
    assert answer(connection) == (401, "NOT_AUTHENTICATED")
    many = "".join(f"X-{number}: {'x' * 60}\r\n" for number in range(400))
    assert answer(connect(server, f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n{many}\r\n"))[0] == 400
