from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from hsi.security import authentication
from tests import factories
from tests.engines.process import free_port


@pytest.fixture
def _before_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "_set_up", False)


@pytest.mark.django_db
def test_a_stranger_gets_a_challenge_from_the_api_and_the_login_page_elsewhere(client: Client):
    factories.user()
    refused = client.get("/api/cameras")
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Bearer")
    assert refused.json()["code"] == "NOT_AUTHENTICATED"
    page = client.get("/?x=1")
    assert (page.status_code, page["Location"]) == (302, "/login?next=%2F%3Fx%3D1")


@pytest.mark.django_db
def test_an_address_that_does_not_exist_tells_a_stranger_nothing(client: Client):
    factories.user()
    assert client.get("/api/secret/things").status_code == 401
    assert client.get("/health/livex").status_code == 401


@pytest.mark.django_db
def test_a_session_of_a_user_who_was_deactivated_is_over(client: Client):
    viewer = factories.user()
    client.force_login(viewer)
    assert client.get("/api/cameras").status_code == 200
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    assert client.get("/api/cameras").status_code == 401


@pytest.mark.django_db
def test_a_wrong_token_is_refused_even_with_a_good_session(client: Client):
    client.force_login(factories.admin())
    refused = client.get("/api/cameras", headers={"Authorization": "Bearer nonsense\xff"})
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.django_db
def test_a_token_opens_no_page(client: Client):
    token = factories.token(factories.admin(), "admin")
    for path in ("/", "/admin/"):
        assert client.get(path, headers={"X-API-Key": token}).status_code == 403


@pytest.mark.django_db
@pytest.mark.usefixtures("_before_set_up")
def test_before_there_is_a_user_everything_explains_itself(client: Client):
    for path in ("/", "/login", "/admin/", "/api/cameras", "/health/ready"):
        assert client.get(path).status_code == 503, path
    assert client.get("/api/cameras").json()["code"] == "NOT_SET_UP"
    assert b"set-up link" in client.get("/").content
    assert client.get("/health/live").status_code == 200
    factories.user()
    assert client.get("/api/cameras").status_code == 401


@pytest.mark.django_db
def test_liveness_asks_the_database_nothing_whatever_is_sent(client: Client, django_assert_num_queries):
    client.cookies[settings.SESSION_COOKIE_NAME] = "x" * 32
    with django_assert_num_queries(0):
        response = client.get("/health/live", headers={"X-API-Key": "x"})
    assert (response.status_code, response.json()) == (200, {"status": "healthy"})


PROBE = """
import json
from django.test import Client
client, answers = Client(), {}
for path in ("/health/live", "/health/ready", "/api/system/health", "/"):
    response = client.get(path, headers={"X-API-Key": "x"} if path.startswith("/api") else {})
    answers[path] = [response.status_code, response.content.decode()]
print(json.dumps(answers))
"""


@pytest.mark.slow
@pytest.mark.one_engine
@pytest.mark.parametrize("url", ["postgresql://me:hush@127.0.0.1:{port}/x", "sqlite:///{folder}/empty.sqlite3"])
def test_without_its_database_the_process_lives_and_says_so(url: str, tmp_path: Path):
    """Once with a server that is gone, once with a database that was never migrated."""
    place = url.format(port=free_port(), folder=tmp_path)
    surroundings = {"DATABASE_URL": place, "HSI_DATA_DIR": str(tmp_path), "ALLOWED_HOSTS": "testserver"}
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", PROBE],
        cwd=settings.BASE_DIR,
        env={**os.environ, **surroundings},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answers = json.loads(done.stdout.splitlines()[-1])
    assert {path: status for path, (status, _) in answers.items()} == {
        "/health/live": 200,
        "/health/ready": 503,
        "/api/system/health": 503,
        "/": 503,
    }
    for _, text in answers.values():
        assert "hush" not in text
        assert "127.0.0.1" not in text
    assert json.loads(answers["/health/ready"][1])["code"] == "DATABASE_UNAVAILABLE"
