"""The site below a path, over both servers: real sockets against real processes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import httpx
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.plugin import DjangoDbBlocker
from websockets.sync.client import connect

from tests import factories
from tests.browser.site import SERVERS, Site, site

pytestmark = [pytest.mark.slow, pytest.mark.one_engine, pytest.mark.django_db(transaction=True)]

PREFIX = "/house"
PATIENCE_SECONDS = 20.0


@pytest.fixture(scope="module", params=SERVERS)
def process(
    request: pytest.FixtureRequest,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    values = {"URL_PREFIX": PREFIX, "API_WORKERS": "1", "RATE_LIMIT_ENABLED": "false"}
    folder = tmp_path_factory.mktemp("data")
    with django_db_blocker.unblock(), site(folder, request.param, **values) as running:
        yield running


@pytest.fixture
def admin() -> User:
    return factories.admin()


@pytest.mark.parametrize("passed_on", [PREFIX, ""], ids=["the proxy passes the path on", "the proxy strips it"])
def test_pages_api_and_files_lie_below_the_path_and_link_to_it(process: Site, admin: User, passed_on: str):
    with httpx.Client(base_url=process.url + passed_on, timeout=PATIENCE_SECONDS) as client:
        away = client.get("/admin/")
        assert away.headers["Location"] == f"{PREFIX}/login?next=%2Fhouse%2Fadmin%2F"
        page = client.get("/login")
        assert page.status_code == 200
        links = re.findall(r'(?:href|src|action)="([^"]+)"', page.text)
        assert links
        assert all(link.startswith((f"{PREFIX}/", "#")) for link in links)
        style = next(link for link in links if link.endswith(".css"))
        assert httpx.get(process.url + style).headers["Content-Type"].startswith("text/css")
        cookie = next(one for one in page.headers.get_list("Set-Cookie") if one.startswith("csrftoken"))
        assert f"Path={PREFIX}/" in cookie
        token = factories.token(admin, "admin")
        camera = factories.camera()
        made = client.get("/api/cameras", headers={"X-API-Key": token}).json()["items"]
        assert [one["id"] for one in made] == [camera.pk]


def test_the_first_page_of_a_person_finds_its_files_and_pictures(process: Site, admin: User, client: Client):
    client.force_login(admin)
    cookies = {settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value}
    first = httpx.get(f"{process.url}{PREFIX}/", cookies=cookies, timeout=PATIENCE_SECONDS)
    assert first.status_code == 200
    assert f'src="{PREFIX}/static/events/home.js"' in first.text
    again = httpx.get(f"{process.url}{PREFIX}/login", cookies=cookies, timeout=PATIENCE_SECONDS)
    assert again.headers["Location"] == f"{PREFIX}/"


def test_a_path_that_only_begins_alike_is_no_mount_point(process: Site, admin: User):
    assert httpx.get(f"{process.url}/household/login", timeout=PATIENCE_SECONDS).status_code == 302
    assert httpx.get(f"{process.url}{PREFIX}{PREFIX}/login", timeout=PATIENCE_SECONDS).status_code == 302


def test_the_socket_lies_below_the_path(process: Site, admin: User):
    if process.server == "serve_wsgi":
        assert httpx.get(f"{process.url}{PREFIX}/ws/events").status_code == 302  # sockets are served by daphne
        return
    token = factories.token(admin, "read")
    for path in (f"{PREFIX}/ws/events", "/ws/events"):
        address = process.url.replace("http", "ws") + path
        with connect(address, additional_headers={"X-API-Key": token}) as socket:
            assert json.loads(socket.recv(PATIENCE_SECONDS))["type"] == "connection.ready"
