from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.test import Client, modify_settings, override_settings
from playwright.sync_api import expect

from tests import factories
from tests.browser.chromium import Visit
from tests.browser.site import site

pytestmark = pytest.mark.django_db


def test_every_answer_says_what_a_browser_may_do(client: Client):
    client.force_login(factories.admin())
    for path in ("/", "/nothing", "/api/cameras", "/health/live"):
        headers = client.get(path).headers
        assert "script-src" not in headers["Content-Security-Policy"]
        assert headers["Content-Security-Policy"].startswith("default-src 'self'; ")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Permissions-Policy"].startswith("camera=()")
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "'unsafe-inline'" in client.get("/admin/").headers["Content-Security-Policy"]


def test_over_https_alone_browsers_are_told_to_stay_there(settings):
    settings.SECURE_HSTS_SECONDS = 60  # as HTTPS_ONLY sets it
    factories.user()
    assert Client().get("/login", secure=True)["Strict-Transport-Security"] == "max-age=60"
    assert "Strict-Transport-Security" not in Client().get("/login").headers


CORS = "corsheaders.middleware.CorsMiddleware"


@modify_settings(MIDDLEWARE={"prepend": CORS})
def test_only_named_origins_may_use_the_api_from_their_pages():
    factories.user()
    origin = {"Origin": "https://home.example"}
    with override_settings(CORS_ALLOWED_ORIGINS=["https://home.example"], CORS_ALLOW_CREDENTIALS=True):
        allowed = Client().options("/api/cameras", headers={**origin, "Access-Control-Request-Method": "GET"})
        assert allowed["Access-Control-Allow-Origin"] == "https://home.example"
        assert "x-api-key" in allowed["Access-Control-Allow-Headers"]
        refused = Client().get("/api/cameras", headers={"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in refused.headers
        assert "Access-Control-Allow-Origin" not in Client().get("/login", headers=origin).headers
    with override_settings(CORS_ALLOW_ALL_ORIGINS=True):
        anyone = Client().get("/api/cameras", headers=origin)
        assert anyone["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in anyone.headers


@pytest.mark.slow
@pytest.mark.one_engine
@pytest.mark.django_db(transaction=True)
def test_no_page_needs_what_the_policy_forbids(data_dir: Path, open_page: Callable[..., Visit]):
    user = factories.admin("boss")
    user.password = PBKDF2PasswordHasher().encode(factories.PASSWORD, "salt")
    user.save()
    factories.camera()
    with site(data_dir) as server:
        visit = open_page(server.url)
        page = visit.page
        page.goto("/admin/")
        page.fill("#id_username", "boss")
        page.fill("#id_password", factories.PASSWORD)
        page.press("#id_password", "Enter")
        expect(page.locator("#overview")).to_be_visible()
        for path in ("/", "/admin/cameras/camera/", "/admin/auth/user/add/", "/admin/hsi/loginfailure/"):
            page.goto(path, wait_until="load")
        page.goto("/api/docs")
        expect(page.locator(".opblock").first).to_be_visible()
        assert (visit.console_errors, visit.foreign_requests) == ([], [])
        assert page.goto("/nothing").status == 404  # type: ignore[union-attr]
        visit.console_errors.clear()  # that it was not found
        phone = open_page(server.url, viewport=(390, 844), color_scheme="dark", phone=True)
        phone.page.context.add_cookies(page.context.cookies())  # type: ignore[arg-type]
        phone.page.goto("/nothing")
        assert phone.page.evaluate("document.documentElement.scrollWidth") == 390
        expect(phone.page.locator("h1")).to_have_text("Not found")
