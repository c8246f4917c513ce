"""Both web servers before hostile clients: real sockets against real processes."""

from __future__ import annotations

import hashlib
import json
import re
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django.plugin import DjangoDbBlocker

from hsi.http.body_limits import UNKNOWN_SENDER_BYTES
from hsi.server.bodies import RETRY_AFTER_SECONDS
from tests import factories, files
from tests.browser.site import SERVERS, Site, site

pytestmark = [pytest.mark.slow, pytest.mark.one_engine, pytest.mark.django_db(transaction=True)]

PATIENCE_SECONDS = 20.0
MIB = 1024 * 1024
JSON = "Content-Type: application/json\r\n"


@pytest.fixture
def admin() -> User:
    return factories.admin()


@pytest.fixture(scope="module", params=SERVERS)
def process(
    request: pytest.FixtureRequest,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """One process of each server for all tests: what it counts of requests ends with them."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "cameras").mkdir()
    limits = {"REQUEST_TIMEOUT_SECONDS": "1", "API_WORKERS": "1", "REQUEST_BODIES_MAX_PER_CLIENT": "3"}
    with django_db_blocker.unblock(), site(folder, request.param, **limits, RATE_LIMIT_ENABLED="false") as running:
        yield running


@pytest.fixture
def server(process: Site, admin: User) -> Site:
    return process


def connect(server: Site, head: str, body: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), PATIENCE_SECONDS)
    connection.sendall(head.encode() + body)
    return connection


def answer(connection: socket.socket) -> tuple[int, str]:
    """The status, and the code of the problem, once the server has closed its side."""
    with connection:
        received = b""
        while part := connection.recv(65536):
            received += part
    received = received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")  # gunicorn says so before anything else
    head, _, content = received.decode().partition("\r\n\r\n")
    assert head, "closed without an answer"
    return int(head.split()[1]), json.loads(content)["code"] if "problem+json" in head else ""


def post(length: int | str, path: str = "/login", more: str = "") -> str:
    size = f"Content-Length: {length}" if isinstance(length, int) else f"Transfer-Encoding: {length}"
    return f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{more}{size}\r\n\r\n"


def bearer(owner: User, *scopes: str) -> str:
    return f"Authorization: Bearer {factories.token(owner, *scopes)}\r\n"


def memory_mib(server: Site) -> int:
    """Resident memory of the server and its children."""
    total = 0
    for process in server.processes():
        status = Path(f"/proc/{process}/status").read_text()
        total += int(re.search(r"VmRSS:\s+(\d+)", status)[1]) // 1024  # type: ignore[index]
    return total


def spooled_mib(server: Site) -> int:
    """Bytes in deleted files that the server and its children hold open."""
    found = 0
    for process in server.processes():
        for link in Path(f"/proc/{process}/fd").iterdir():
            try:
                if "(deleted)" in str(link.readlink()):
                    found += link.stat().st_size
            except OSError:
                continue
    return found // MIB


def test_a_body_that_comes_too_slowly_is_cut_off_and_others_are_served_meanwhile(server: Site, admin: User):
    slow = [connect(server, post(1000, "/api/tokens", bearer(admin, "admin") + JSON), b"{") for _ in range(40)]
    assert answer(connect(server, "GET /health/live HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"))[0] == 200
    ends = [answer(connection) for connection in slow]
    # A few of one address may send at a time, and those were too slow; the others were told to come again.
    assert set(ends) == {(408, "REQUEST_TIMEOUT"), (429, "RATE_LIMIT_EXCEEDED")}
    assert 1 <= ends.count((408, "REQUEST_TIMEOUT")) <= 3


def test_a_body_that_trickles_is_cut_off(server: Site, admin: User):
    slow = connect(server, post(1000, "/api/tokens", bearer(admin, "admin") + JSON))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and not select.select([slow], [], [], 0.1)[0]:
        slow.sendall(b"x")
    assert answer(slow) == (408, "REQUEST_TIMEOUT")


@pytest.mark.parametrize("length", [10**9, UNKNOWN_SENDER_BYTES + 1, "chunked"])
@pytest.mark.parametrize("path", ["/api/cameras/door/uploads", "/api/tokens", "/login"])
def test_a_stranger_sends_no_large_body(server: Site, path: str, length: int | str):
    begun = connect(server, post(length, path), b"5\r\nhello\r\n")
    longest = 1024 * MIB if "uploads" in path else MIB
    expected = (
        (401, "NOT_AUTHENTICATED") if length == "chunked" or int(length) <= longest else (413, "PAYLOAD_TOO_LARGE")
    )
    assert answer(begun) == expected


def test_what_strangers_send_takes_neither_memory_nor_disk(server: Site):
    before = memory_mib(server)
    for path in ("/api/cameras/x/uploads", "/login"):
        for headers in ("", "X-API-Key: hsi_guessed\r\n", "Cookie: sessionid=abcdefgh\r\n"):
            flood = connect(server, post(50 * MIB, path, headers))
            try:
                for _ in range(50):
                    flood.sendall(b"x" * MIB)
            except OSError:
                pass  # that is what it is about
            flood.close()
            assert spooled_mib(server) <= 1
    assert memory_mib(server) - before < 20


def test_a_sender_is_judged_before_the_first_byte_of_the_body(server: Site, admin: User):
    viewer = factories.user()
    camera = factories.camera("door")
    path = f"/api/cameras/{camera.pk}/uploads"
    wait = "Expect: 100-continue\r\n"
    for wrong in ("", bearer(admin, "read"), bearer(viewer, "read")):
        assert answer(connect(server, post(UNKNOWN_SENDER_BYTES * 2, path, wrong + wait)))[0] in (401, 403)
    right = connect(server, post(UNKNOWN_SENDER_BYTES * 2, path, bearer(admin, "ingest") + wait))
    assert right.recv(64).startswith(b"HTTP/1.1 100 Continue")
    right.close()


@pytest.mark.parametrize("way", ["length", "chunked"])
def test_a_known_sender_brings_a_large_file_either_way(server: Site, admin: User, way: str):
    camera = factories.camera("door")
    picture = files.jpeg(1)
    picture += b"\0" * (UNKNOWN_SENDER_BYTES * 3 - len(picture))
    path = f"/api/cameras/{camera.pk}/uploads"
    who = bearer(admin, "ingest") + "Content-Type: image/jpeg\r\n"
    if way == "length":
        sent = connect(server, post(len(picture), path, who), picture)
    else:
        chunks = b"".join(
            b"%x\r\n%s\r\n" % (len(picture[at : at + 5000]), picture[at : at + 5000])
            for at in range(0, len(picture), 5000)
        )
        sent = connect(server, post("chunked", path, who), chunks + b"0\r\n\r\n")
    assert answer(sent)[0] == 201


def test_a_small_chunked_form_counts_too(server: Site, admin: User):
    body = b'{"name": "made", "scopes": ["read"]}'
    head = post("chunked", "/api/tokens", bearer(admin, "admin") + JSON)
    assert answer(connect(server, head, b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)))[0] == 201


def test_one_client_has_so_many_bodies_in_flight_and_no_more(server: Site, admin: User):
    camera = factories.camera("door")
    who = bearer(admin, "ingest") + "Content-Type: image/jpeg\r\n"
    head = post(UNKNOWN_SENDER_BYTES * 2, f"/api/cameras/{camera.pk}/uploads", who)
    held: list[socket.socket] = []
    deadline, refused = time.monotonic() + PATIENCE_SECONDS, b""
    while not refused and time.monotonic() < deadline:
        held.append(connect(server, head, b"x" * 70_000))
        if select.select([held[-1]], [], [], 0.2)[0]:
            refused = held[-1].recv(65536)
    assert refused.startswith(b"HTTP/1.1 429")
    assert f"Retry-After: {RETRY_AFTER_SECONDS}".encode() in refused
    assert len(held) == 4
    for one in held:
        one.close()


def test_a_body_that_is_too_large_is_refused_also_for_a_known_sender(server: Site, admin: User):
    who = bearer(admin, "admin")
    assert answer(connect(server, post(10**12, "/api/tokens", who))) == (413, "PAYLOAD_TOO_LARGE")
    assert answer(connect(server, post(10**12, "/api/cameras/door/uploads", who))) == (413, "PAYLOAD_TOO_LARGE")
    endless = connect(server, post("chunked", "/api/tokens", who), f"{2**21:x}\r\n".encode())
    try:
        for _ in range(20):
            endless.sendall(b"x" * 64 * 1024)
    except OSError:
        pass
    else:
        assert answer(endless) == (413, "PAYLOAD_TOO_LARGE")
    many = "".join(f"X-{number}: {'x' * 60}\r\n" for number in range(600))
    assert answer(connect(server, f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n{many}\r\n"))[0] in (400, 431)


def test_headers_that_come_too_slowly_are_cut_off(admin: User, data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REQUEST_TIMEOUT_SECONDS", "1")
    with site(data_dir) as running:
        head = "GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: "
        assert answer(connect(running, head)) == (408, "REQUEST_TIMEOUT")


def test_clients_that_do_not_read_their_answer_cost_a_window_each(admin: User, data_dir: Path):
    clip = data_dir / "cameras" / "door" / "clip.mp4"
    clip.parent.mkdir(parents=True)
    with clip.open("wb") as file:
        file.truncate(200 * MIB)
    with clip.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    status = clip.stat()
    values = {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": content}
    row = factories.upload(factories.camera("door"), path="door/clip.mp4", kind="video", **values)
    request = f"GET /api/uploads/{row.pk}/file HTTP/1.1\r\nHost: 127.0.0.1\r\n{bearer(admin, 'read')}\r\n"
    with site(data_dir, RATE_LIMIT_ENABLED="false") as running:
        before, readers = memory_mib(running), []
        for _ in range(30):
            reader = socket.socket()
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.settimeout(PATIENCE_SECONDS)
            reader.connect(("127.0.0.1", running.port))
            reader.sendall(request.encode())
            readers.append(reader)
        for reader in readers:
            assert reader.recv(64).startswith(b"HTTP/1.1 200")
        assert answer(connect(running, "GET /health/live HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"))[0] == 200
        assert memory_mib(running) - before < 3 * len(readers)
        # The one that reads gets all of it.
        received = 0
        while received < 200 * MIB and (part := readers[0].recv(MIB)):
            received += len(part)
        assert received >= 200 * MIB
        for reader in readers:
            reader.close()
