"""The front of the service mode: a real Caddy with our Caddyfile, gunicorn and daphne behind it."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from hsi.http.body_limits import FORM_BYTES
from tests import files
from tests.engines.process import free_port
from tests.system.running import PASSWORD, Running
from tests.system.service import Service

pytestmark = [pytest.mark.slow, pytest.mark.one_engine]

ROOT = Path(__file__).parents[2]
CADDY = Path(sysconfig.get_path("scripts")) / "caddy"


class Front(Service):
    """`Service` as it is reached through the proxy."""

    def __init__(self, environment: dict[str, str], redis_url: str) -> None:
        wsgi = free_port()
        roles = {"wsgi": ["serve_wsgi", "--host", "127.0.0.1", "--port", str(wsgi)]}
        super().__init__(environment, redis_url, roles=roles, TRUSTED_PROXY_IPS="127.0.0.1", API_WORKERS="2")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.proxy_environment = os.environ | {
            "SITE_ADDRESS": f"http://127.0.0.1:{port}",
            "WEB_UPSTREAM": f"127.0.0.1:{wsgi}",
            "STREAM_UPSTREAM": f"127.0.0.1:{self.port}",
            "HOME": environment["HSI_DATA_DIR"],
        }

    def start_service(self, crash_at: dict[str, str] | None = None) -> None:
        super().start_service(crash_at)
        with self.log.open("ab") as log:
            self.proxy = subprocess.Popen(
                [CADDY, "run", "--config", ROOT / "Caddyfile"], env=self.proxy_environment, stdout=log, stderr=log
            )

    def stop(self) -> int:
        self.proxy.terminate()
        self.proxy.wait(20)
        return super().stop()


@pytest.fixture
def front(on_postgres: dict[str, str], valkey_url: str) -> Iterator[Front]:
    front = Front(on_postgres, valkey_url)
    try:
        front.start_service()
        front.connect()
        yield front
    finally:
        status = front.stop()
    assert status == 0


def test_pages_rest_and_sockets_come_from_one_address(front: Front):
    login = httpx.get(f"{front.url}/login")
    assert login.status_code == 200
    style = next(part.split('"')[0] for part in login.text.split('href="') if ".css" in part.split('"')[0])
    assert httpx.get(front.url + style).headers["Content-Type"].startswith("text/css")
    assert "gzip" in httpx.get(f"{front.url}/login", headers={"Accept-Encoding": "gzip"}).headers["Content-Encoding"]
    assert front.post("/api/cameras", name="Door", folder="door")["id"] == "door"
    sent = upload(front, files.jpeg(1))
    assert sent.status_code == 201
    with listening(front) as socket:
        assert json.loads(socket.recv(30))["type"] == "connection.ready"
        assert upload(front, files.jpeg(2)).status_code == 201
        picture = front.client.get(f"/api/uploads/{sent.json()['id']}/file", headers={"Range": "bytes=0-1"})
        assert (picture.status_code, picture.content) == (206, b"\xff\xd8")
    assert front.get("/api/system/health")["status"] in ("healthy", "degraded")
    assert in_chunks(front, front.url, files.jpeg(3)) == 201  # gunicorn
    assert in_chunks(front, f"http://127.0.0.1:{front.port}", files.jpeg(4)) == 201  # daphne
    assert len(front.get("/api/uploads")["items"]) == 4


def test_the_proxy_says_who_asks_and_a_client_does_not(front: Front):
    with httpx.Client(base_url=front.url) as client:
        client.get("/login")
        form = {"username": "admin", "password": "wrong", "csrfmiddlewaretoken": client.cookies["csrftoken"]}
        client.post("/login", data=form, headers={"X-Forwarded-For": "9.9.9.9"})
        assert front.rows("SELECT DISTINCT address FROM hsi_loginfailure") == [("127.0.0.1",)]
        signed_in = client.post("/login", data=form | {"password": PASSWORD})
        assert signed_in.status_code == 302


def test_a_body_that_is_too_large_or_never_ends_holds_no_worker(front: Front):
    """More of them than there are threads, and somebody else is still served."""
    too_large = b"x" * (3 * 1024 * 1024 + FORM_BYTES)
    answer = front.client.patch("/api/events/1", content=too_large, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    host, port = front.url.removeprefix("http://").split(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(40)]
    for one in slow:
        one.sendall(b"POST /api/tokens HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{")
    assert front.get("/api/cameras")["items"] == []
    for one in slow:
        one.close()


def test_a_worker_that_dies_is_replaced_and_log_lines_of_workers_are_rows(front: Front):
    front.client.get("/api/cameras/none")
    [master] = [process.pid for role, process in front.processes.items() if role == "wsgi"]
    children = Path(f"/proc/{master}/task/{master}/children")
    for worker in children.read_text().split():
        os.kill(int(worker), 9)
    front.until(lambda: front._ready() and len(children.read_text().split()) == 2)
    assert front.get("/api/cameras")["items"] == []
    assert not any(front.deaths.values())


def upload(running: Running, data: bytes) -> httpx.Response:
    return running.client.post("/api/cameras/door/uploads", files={"file": ("a.jpg", io.BytesIO(data), "image/jpeg")})


def in_chunks(front: Front, url: str, data: bytes) -> int:
    """The status of an upload without a Content-Length."""
    head = {"Authorization": f"Bearer {front.token}", "Content-Type": "image/jpeg"}
    halves = iter([data[:1000], data[1000:]])
    return httpx.post(f"{url}/api/cameras/door/uploads", content=halves, headers=head).status_code


def listening(running: Running) -> Any:
    address = running.url.replace("http", "ws") + "/ws/events"
    return connect(address, additional_headers={"Authorization": f"Bearer {running.token}"})
