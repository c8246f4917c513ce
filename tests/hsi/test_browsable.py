from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from cameras.models import Camera
from tests import factories

pytestmark = pytest.mark.django_db

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def boss(client: Client, data_dir: Path) -> Client:
    client.force_login(factories.admin())
    return client


def page(client: Client, path: str) -> str:
    answer = client.get(f"/api/{path}", headers=BROWSER)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/html; charset=utf-8")
    return answer.content.decode()


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("cameras", ['name="name"', 'name="folder"']),
        ("cameras/door", ["Door"]),
        ("cameras/door/zones", ['name="polygon"']),
        ("events", []),
        ("events/trash", []),
        ("system/health", []),
    ],
)
def test_a_person_sees_the_api_as_pages_with_what_may_be_sent(boss: Client, path: str, fields: list[str]):
    factories.event(factories.camera("door"))
    content = page(boss, path)
    assert all(field in content for field in fields)


def test_a_page_shows_no_inline_script_that_the_policy_would_stop(boss: Client):
    factories.camera("door")
    answer = boss.get("/api/cameras", headers=BROWSER)
    assert "script-src" in answer["Content-Security-Policy"] or "default-src" in answer["Content-Security-Policy"]
    assert "onclick=" not in answer.content.decode()


def test_the_form_of_a_page_makes_a_camera(boss: Client):
    answer = boss.post("/api/cameras", {"name": "Door"}, headers=BROWSER)
    assert answer.status_code == 201, answer.content.decode()
    assert Camera.objects.get().pk == "door"


def test_a_token_gets_json_whatever_it_accepts(data_dir: Path):
    headers = {"X-API-Key": factories.token(factories.admin(), "read"), **BROWSER}
    answer = Client().get("/api/cameras", headers=headers)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
