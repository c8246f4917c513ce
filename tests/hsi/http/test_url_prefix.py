"""The one definition of a request's path: below URL_PREFIX, whatever headers say."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from hsi.http import proxy_headers, url_prefix

pytestmark = pytest.mark.one_engine
PRODUCT = ("hsi", "cameras", "detection", "events", "monitoring")


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("/house", "/"),
        ("/house/", "/"),
        ("/house/api/events", "/api/events"),
        ("/api/events", "/api/events"),  # the proxy has stripped it
        ("/household/api", "/household/api"),
        ("/house/house/x", "/house/x"),
        ("/", "/"),
    ],
)
def test_a_proxy_may_pass_the_mount_point_on_or_strip_it(settings, path: str, below: str):
    settings.URL_PREFIX = "/house"
    assert url_prefix.strip_prefix(path) == below
    assert url_prefix.link("/api/events") == "/house/api/events"


@given(st.text(alphabet="/abh.%", max_size=20))
def test_without_a_mount_point_every_path_stays(path: str):
    assert url_prefix.strip_prefix(path) == path


@pytest.mark.parametrize(
    "name",
    [
        "Daphne-Root-Path", "daphne_root_path", "SCRIPT_NAME", "Script-Name", "X-Script-Name", "X-Forwarded-Prefix",
        "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Ssl", "X-Original-URL", "X-Rewrite-Url", "Forwarded",
        "X-HTTP-Method-Override", "X-Method-Override", "X-Real-IP", "X-Remote-User", "Remote-User", "CF-Connecting-IP",
    ],
)  # fmt: skip
def test_headers_of_proxies_reach_nobody(name: str):
    for trusted in (True, False):
        assert proxy_headers.is_dropped(name, from_trusted_proxy=trusted)


@pytest.mark.parametrize("name", ["X-Forwarded-For", "x-forwarded-proto", "X_FORWARDED_FOR"])
def test_two_headers_count_from_a_trusted_proxy_alone(name: str):
    assert not proxy_headers.is_dropped(name, from_trusted_proxy=True)
    assert proxy_headers.is_dropped(name, from_trusted_proxy=False)


@pytest.mark.parametrize("name", ["Host", "Authorization", "X-API-Key", "Cookie", "X-Request-ID", "X-CSRFToken"])
def test_other_headers_stay(name: str):
    assert not proxy_headers.is_dropped(name, from_trusted_proxy=False)


def test_the_lists_of_headers_are_for_the_peer_that_sent_them(settings):
    settings.TRUSTED_PROXY_IPS = ["192.0.2.9"]
    sent = [(b"x-forwarded-for", b"1.2.3.4"), (b"forwarded", b"for=1.2.3.4"), (b"host", b"h")]
    assert [name for name, _ in proxy_headers.accepted_headers(sent, "192.0.2.9")] == [b"x-forwarded-for", b"host"]
    assert [name for name, _ in proxy_headers.accepted_headers(sent, "192.0.2.8")] == [b"host"]
    environ = {"HTTP_X_FORWARDED_PREFIX": "/api", "HTTP_HOST": "h", "REMOTE_ADDR": "192.0.2.9", "SCRIPT_NAME": ""}
    proxy_headers.drop_headers(environ)
    assert "HTTP_X_FORWARDED_PREFIX" not in environ
    assert environ["HTTP_HOST"] == "h"


def test_no_decision_looks_at_the_path_that_a_browser_sees():
    """`request.path` holds the mount point: only a link may be compared with it."""
    links = {"monitoring/pages/navigation.py"}
    files = [file for app in PRODUCT for file in sorted((settings.BASE_DIR / app).rglob("*.py"))]
    found = [file for file in files if any(map(_is_browser_path, ast.walk(ast.parse(file.read_text()))))]
    assert {str(file.relative_to(settings.BASE_DIR)) for file in found} == links


def _is_browser_path(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "path" and _is_request(node.value)


def _is_request(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id == "request") or (
        isinstance(node, ast.Attribute) and node.attr in ("request", "_request")
    )


def test_no_address_of_a_page_is_written_without_the_mount_point():
    """In templates and scripts: a link that begins with a slash would leave the mount point."""
    wrong = []
    for app in PRODUCT:
        for file in (*Path(settings.BASE_DIR / app).rglob("*.html"), *Path(settings.BASE_DIR / app).rglob("*.js")):
            text = file.read_text()
            wrong += [file.name for start in ('="/', "(`/", '("/', "'/api", "'/admin") if start in text]
    assert wrong == []
