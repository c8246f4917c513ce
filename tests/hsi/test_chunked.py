from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.test import Client

from cameras.models import Upload
from events.models import Event
from hsi.chunked import find_length
from tests import factories, files

pytestmark = pytest.mark.django_db


class BrokenOff(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        raise OSError("the client went away")


def chunked(body: io.BytesIO | bytes, *, terminated: bool = True) -> dict[str, Any]:
    """What a WSGI server hands over for a body in chunks."""
    source = io.BytesIO(body) if isinstance(body, bytes) else body
    end = {"wsgi.input_terminated": True} if terminated else {}
    return {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": source, **end}


@pytest.fixture
def boss(client: Client, data_dir: Path) -> Client:
    client.force_login(factories.admin())
    return client


def test_json_that_comes_in_chunks_counts(boss: Client):
    event = factories.event()
    body = json.dumps({"reviewed": True, "notes": "seen by me"}).encode()
    answer = boss.patch(f"/api/events/{event.pk}", b"", CONTENT_TYPE="application/json", **chunked(body))
    assert answer.status_code == 200
    event.refresh_from_db()
    assert (event.reviewed, event.notes) == (True, "seen by me")


def form(picture: bytes) -> tuple[bytes, str]:
    head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="x.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    return head + picture + b"\r\n--B--\r\n", "multipart/form-data; boundary=B"


@pytest.mark.parametrize("bare", [True, False])
def test_a_picture_that_comes_in_chunks_is_stored(boss: Client, bare: bool):
    factories.camera("gate", folder="gate")
    picture = files.jpeg(3)
    body, content_type = (picture, "image/jpeg") if bare else form(picture)
    answer = boss.generic("POST", "/api/cameras/gate/uploads", b"", CONTENT_TYPE=content_type, **chunked(body))
    assert answer.status_code == 201
    assert Upload.objects.get().size == len(picture)


def test_a_form_of_a_page_that_comes_in_chunks_counts(client: Client):
    user = factories.user()
    user.set_password("a good Passw0rd")
    user.save()
    body = f"username={user.get_username()}&password=a+good+Passw0rd".encode()
    answer = client.generic("POST", "/login", b"", CONTENT_TYPE="application/x-www-form-urlencoded", **chunked(body))
    assert answer.status_code == 302


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (chunked(b"{}", terminated=False), 411, "LENGTH_REQUIRED"),
        (chunked(b" " * (2 * 1024 * 1024)), 413, "PAYLOAD_TOO_LARGE"),
        (chunked(BrokenOff()), 400, "VALIDATION_ERROR"),
    ],
    ids=["a server that does not say where the body ends", "too large", "broken off"],
)
def test_what_cannot_be_read_is_refused_and_nothing_changes(boss: Client, body: dict[str, Any], status: int, code: str):
    event = factories.event(notes="before")
    answer = boss.patch(f"/api/events/{event.pk}", b"", CONTENT_TYPE="application/json", **body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert Event.objects.get().notes == "before"


def test_nothing_is_read_of_a_body_that_nobody_let_in(client: Client):
    factories.user()
    source = io.BytesIO(b'{"notes": "x"}')
    answer = client.patch("/api/events/1", b"", CONTENT_TYPE="application/json", **chunked(source))
    assert answer.status_code == 401
    assert source.tell() == 0


def test_under_asgi_all_of_the_body_is_there_and_its_length_is_found():
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"transfer-encoding", b"chunked")]}
    request = ASGIRequest(scope, io.BytesIO(b"12345"))
    find_length(request)
    assert request.META["CONTENT_LENGTH"] == "5"
    assert request.body == b"12345"
