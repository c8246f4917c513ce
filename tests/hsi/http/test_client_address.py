from __future__ import annotations

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from hsi.http.client_address import ForwardedSchemeMiddleware, client_address, client_network

pytestmark = pytest.mark.one_engine


def meta(peer: str, forwarded: str = "") -> dict[str, str]:
    return {"REMOTE_ADDR": peer, **({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {})}


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),  # no proxy of ours: what it says is nothing
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.9", "203.0.113.9"),  # the left one the client wrote
        ("10.0.0.1", "1.2.3.4, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("10.0.0.1", "[2001:db8::9]:4711", "2001:db8::9"),
        ("10.0.0.1", "1.2.3.4, nonsense, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "1.2.3.4, , 10.0.0.2", "10.0.0.2"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("fd00::5", "203.0.113.9", "203.0.113.9"),
        ("", "203.0.113.9", ""),
    ],
)
def test_the_address_is_the_nearest_that_is_no_proxy_of_ours(settings, peer: str, forwarded: str, address: str):
    settings.TRUSTED_PROXY_IPS = ["10.0.0.0/8", "fd00::5"]
    assert client_address(meta(peer, forwarded)) == address


def test_without_trusted_proxies_nothing_is_believed():
    assert client_address(meta("127.0.0.1", "203.0.113.9")) == "127.0.0.1"


def test_a_host_is_not_many_because_its_network_is_large():
    assert client_network(meta("2001:db8::1")) == client_network(meta("2001:db8::ffff:1")) == "2001:db8::"
    assert client_network(meta("2001:db8:0:1::1")) != "2001:db8::"
    assert client_network(meta("192.0.2.1")) == "192.0.2.1"


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_is_sent_an_address_or_nothing_comes_out(peer: str, forwarded: str):
    from django.test import override_settings

    with override_settings(TRUSTED_PROXY_IPS=["0.0.0.0/0", "::/0"]):
        assert " " not in client_network(meta(peer, forwarded))


@pytest.mark.parametrize(("peer", "secure"), [("10.0.0.1", True), ("198.51.100.7", False)])
def test_only_a_trusted_proxy_can_say_that_a_request_came_by_https(settings, peer: str, secure: bool):
    settings.TRUSTED_PROXY_IPS = ["10.0.0.1"]
    request = RequestFactory().get("/", REMOTE_ADDR=peer, headers={"X-Forwarded-Proto": "https"})
    ForwardedSchemeMiddleware(lambda request: None).before(request)
    assert request.is_secure() is secure
