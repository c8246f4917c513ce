"""The browser of the tests sees what a person's would: errors, schemes, and requests to elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from django.contrib.auth import get_user_model

from tests.browser import chromium
from tests.browser.chromium import ChromiumMissingError, Visit

PAGE = b"""<!doctype html><title>t</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"><p>hello</p>
<script>console.error("it broke"); new Image().src = "http://127.0.0.2:18999/pixel"; notDefined()</script>"""


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        """Nothing: the tests' output is for failures."""


@pytest.fixture
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_visit_keeps_errors_and_requests_that_leave_the_site(site: str, open_page: Callable[..., Visit]) -> None:
    get_user_model().objects.create_user("resident")
    visit = open_page(site, viewport=(390, 844), color_scheme="dark", phone=True)
    visit.page.goto("/", wait_until="networkidle")
    assert visit.page.inner_text("p") == "hello"
    assert visit.console_errors[0] == f"it broke ({site}/)"
    assert any("notDefined" in error for error in visit.console_errors)
    assert visit.foreign_requests == ["http://127.0.0.2:18999/pixel"]
    assert visit.page.evaluate("[innerWidth, matchMedia('(prefers-color-scheme: dark)').matches]") == [390, True]
    assert get_user_model().objects.filter(username="resident").exists()  # the ORM works beside a browser


@pytest.mark.one_engine
def test_a_named_browser_that_is_absent_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    with pytest.raises(ChromiumMissingError, match="/nowhere/chromium"):
        chromium.find()


@pytest.mark.one_engine
def test_without_the_right_to_install_a_browser_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ChromiumMissingError, match="apt-get install chromium"):
        chromium.install()
