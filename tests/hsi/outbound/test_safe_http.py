from __future__ import annotations

from typing import Any

import pytest

from hsi.outbound import safe_http
from hsi.outbound.safe_http import OutgoingFailedError, OutgoingRefusedError, Place
from tests.peers.webhook import WebhookPeer

pytestmark = pytest.mark.one_engine


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "168.63.129.16", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "2001:0:1::",
    ],
)  # fmt: skip
def test_what_only_this_machine_or_its_network_can_reach_is_not_public(address: str):
    assert not safe_http.is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "::ffff:1.1.1.1", "2606:4700:4700::1111"])
def test_what_everyone_can_reach_is_public(address: str):
    assert safe_http.is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/",
        "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://localhost./", "http://a.localhost/", "http://LOCALHOST/",
        "http://10.0.0.1:80/", "https://user@example.org/", "http://example.org\\@10.0.0.1/", "http://exa mple.org/",
        "gopher://example.org/", "http://", "//example.org", "http://example.org:0/", "http://example.org:99999/",
        "http://[fe80::1%25eth0]/", "http://example.org/\x00", "http://" + "a" * 3000,
        "http://metadata.google.internal/", "http://metadata/", "http://METADATA.goog./", "http://instance-data/latest/",
        "http://metadata.azure.internal/", "http://printer.local/", "http://nas.lan/", "http://x.home.arpa/",
        "http://gotify/", "http://host.docker.internal/", "http://[fd00:ec2::254]/", "http://100.100.100.200/",
        "http://168.63.129.16/", "http://192.0.0.192/", "http://0xa9fea9fe/", "http://169.254.43518/",
        "http://169.254.169.254.nip.io/", "http://ip-10-0-0-1.ec2.example/", "http://a.127-0-0-1.sslip.io/",
        "http://user:pw@host/", "http://a b.example/", "http://ex_a$mple.org/",
    ],
)  # fmt: skip
def test_addresses_inside_and_odd_ones_are_refused_on_sight_however_they_are_written(
    settings: Any, monkeypatch: pytest.MonkeyPatch, url: str
):
    settings.WEBHOOK_ALLOW_HTTP = True
    monkeypatch.setattr(safe_http, "_resolve", lambda where: pytest.fail("the network was asked"))
    with pytest.raises(OutgoingRefusedError):
        safe_http.check(url)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://example.org/a?b=c", Place("example.org", 443)),
        ("http://EXAMPLE.org.:8080", Place("example.org", 8080)),
        ("https://bücher.example/", Place("xn--bcher-kva.example", 443)),
        ("http://1.1.1.1/", Place("1.1.1.1", 80)),
    ],
)
def test_where_an_address_leads(settings: Any, url: str, place: Place):
    settings.WEBHOOK_ALLOW_HTTP = True
    assert safe_http.check(url) == place


@pytest.mark.parametrize(
    "url", ["https://v1-2-3-4.example.org/", "https://10.example.org/", "https://1.1.1.1.nip.io/", "https://mylan.org/"]
)
def test_a_name_that_could_be_public_is_not_refused_on_sight(url: str):
    safe_http.check(url)


@pytest.mark.parametrize("host", ["93.184.216.34", "example.org", "a.example.org:8080"])
def test_plain_http_to_public_hosts_takes_a_setting(settings: Any, monkeypatch: pytest.MonkeyPatch, host: str):
    monkeypatch.setattr(safe_http, "_resolve", lambda where: pytest.fail("it would be sent to"))
    for act in (safe_http.check, lambda url: safe_http.post(url, b"x", [], 5)):
        with pytest.raises(OutgoingRefusedError, match="WEBHOOK_ALLOW_HTTP"):
            act(f"http://{host}/")
    safe_http.check(f"https://{host}/")
    settings.WEBHOOK_ALLOWED_HOSTS = [host.partition(":")[0]]
    safe_http.check(f"http://{host}/")
    settings.WEBHOOK_ALLOWED_HOSTS, settings.WEBHOOK_ALLOW_HTTP = [], True
    safe_http.check(f"http://{host}/")


@pytest.mark.parametrize("host", ["metadata.google.internal", "gotify", "printer.local"])
def test_a_name_inside_can_be_listed(settings: Any, host: str):
    settings.WEBHOOK_ALLOWED_HOSTS = [host]
    safe_http.check(f"http://{host}:8080/")


@pytest.mark.parametrize(
    ("entry", "allowed"), [("127.0.0.1", True), ("127.0.0.1:{port}", True), ("127.0.0.1:1", False), ("10.0.0.1", False)]
)
def test_what_is_listed_may_be_sent_to(settings: Any, entry: str, allowed: bool):
    with WebhookPeer() as peer:
        settings.WEBHOOK_ALLOWED_HOSTS = [entry.format(port=peer.host.partition(":")[2])]
        if allowed:
            safe_http.post(peer.url, b"x", [], 5)
        else:
            with pytest.raises(OutgoingRefusedError, match="not a public address"):
                safe_http.post(peer.url, b"x", [], 5)
        assert len(peer.posts) == allowed


def test_a_name_that_leads_inside_is_refused_when_it_is_sent_to(settings: Any, monkeypatch: pytest.MonkeyPatch):
    """What counts is what the name resolves to at that time, and the connection goes to just that."""
    settings.WEBHOOK_ALLOW_HTTP = True
    with WebhookPeer() as peer:
        port = int(peer.host.partition(":")[2])
        asked = []

        def resolve(where: Place) -> list[str]:
            asked.append(where)
            return ["127.0.0.1"]

        monkeypatch.setattr(safe_http, "_resolve", resolve)
        with pytest.raises(OutgoingRefusedError, match="not public"):
            safe_http.post(f"http://rebinding.example:{port}/", b"x", [], 5)
        settings.WEBHOOK_ALLOWED_HOSTS = ["rebinding.example"]
        safe_http.post(f"http://rebinding.example:{port}/", b"x", [], 5)
        assert len(peer.posts) == 1
        assert peer.posts[0].headers["Host"] == f"rebinding.example:{port}"
        assert len(asked) == 2


def test_a_host_without_an_address_may_have_one_later():
    with pytest.raises(OutgoingFailedError, match="no address"):
        safe_http.addresses(Place("no-such-host.invalid", 80))
