"""Apprise: what may be an address, and what is sent then."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import apprise
import pytest
import requests
from apprise.plugins import N_MGR

from events.notifications import apprise as service
from events.notifications import channels, content
from events.notifications.apprise import FIXED_HOST, OWN_HOST
from events.notifications.channels import ChannelInvalidError, Config, NotSentError, RefusedError
from events.notifications.pinned_requests import PinnedRequests
from hsi.errors import HSIError
from hsi.outbound import safe_http
from hsi.outbound.safe_http import OutgoingRefusedError
from tests.peers.webhook import WebhookPeer

pytestmark = pytest.mark.one_engine

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"
DISCORD = "discord://1234567890/abcdefghij/"
TELEGRAM = "tgram://123456789:abcdefg_hijklmnop/12315544/"
PUSHOVER = f"pover://{'u' * 30}@{'a' * 30}"
HERE = "json://127.0.0.1/"
# As the documentation of each service writes them.
USUAL = (
    DISCORD, f"{DISCORD[:-1]}?thread=12", "gchat://workspace/key/token", "ifttt://key@event", f"join://{'a' * 32}",
    f"opsgenie://{'a' * 36}/@team", "pagerduty://integrationkey1234567890@apikey", f"pbul://{'a' * 34}", PUSHOVER,
    f"{PUSHOVER}/phone?priority=high&sound=bike", f"prowl://{'a' * 40}", f"psafers://{'a' * 20}", SLACK,
    f"{SLACK}general",
    "spush://apikey12345", TELEGRAM, f"{TELEGRAM}?silent=yes&topic=4&format=text&image=no",
    f"twilio://AC{'a' * 32}:{'b' * 32}@15551234567/15557654321", f"wxteams://{'a' * 80}", "ntfy://my-topic",
    "ntfys://ntfy.sh/my-topic", "ntfys://tk_abcdefg123@ntfy.sh/topic?priority=high&tags=warning,house",
    "gotifys://push.example.org:8443/path/Aabcdefg?priority=high", "jsons://user:p%40s%23s@example.org/a/b",
    "forms://example.org/", "xmls://example.org/x", HERE, "form://127.0.0.1:8080/", "gotify://127.0.0.1/Aabcdefg",
)  # fmt: skip
# What Apprise reads something else in than a reader of addresses does.
HIDDEN = ("#?{}", "#ch?{}", "?format=text;{}", "?format=text#&{}", ";?{}", "?&{}&", "?format=text&{}", "%23?{}", "??{}")
# What names a file or a host, changes what is sent, or hides that nothing was.
HARMFUL = (
    "template=/etc/passwd", "template=http://169.254.169.254/", "verify=no", "redirect=yes", "avatar_url=http://x/",
    "image=yes", "footer_logo=yes", "href=http://x/", "url=http://x/", "format=html", "format=markdown", "preview=yes",
    "attach=http://x/", "click=http://x/", "actions=view", "email=a@example.org", "filename=x", "to=x", "user=x",
    "password=x", "pass=x", "port=1", "host=x", "rto=1", "cto=1", "tz=UTC", "store=yes", "retry=5", "wait=5",
    "optional=yes", "emojis=yes", "method=get", "%2BX-Header=x", "+X-Header=x", "-param=x", ":token=x", "mode=private",
    "mode=cloud", "%76erify=no", "VERIFY=no", "priority=a&priority=b", "priority=a%26verify%3dno", "tags=a%0ab", "=x",
    "source=http://x/", "ping=everyone", "blocks=yes", "detect=yes", "batch=yes", "persist=no", "tag=x",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_to_anywhere(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WEBHOOK_ALLOWED_HOSTS, settings.WEBHOOK_TIMEOUT_SECONDS = ["127.0.0.1"], 5
    monkeypatch.setattr(safe_http, "_resolve", lambda where: [where.host] if where.host == "127.0.0.1" else ["8.8.8.8"])


@pytest.fixture
def peer() -> Iterator[WebhookPeer]:
    with WebhookPeer() as running:
        running.default = 200
        yield running


def check(url: str) -> str:
    return channels.kind("apprise").target(Config(url=url))


def send(url: str) -> None:
    channels.kind("apprise").send(Config(url=url), content.test_notification("a phone"))


@pytest.mark.parametrize("url", USUAL)
def test_the_usual_addresses_are_understood_and_shown_without_their_secrets(url: str):
    scheme = url.partition("://")[0]
    assert check(url).endswith(f" ({scheme}://…)")


@pytest.mark.parametrize("option", HARMFUL)
@pytest.mark.parametrize("base", [DISCORD, SLACK, TELEGRAM, PUSHOVER, HERE, "ntfys://my-topic/"])
def test_an_option_that_does_harm_is_refused_wherever_it_hides(base: str, option: str):
    for place in HIDDEN:
        with pytest.raises(ChannelInvalidError):
            check(base + place.format(option))


@pytest.mark.parametrize(
    "url",
    [
        "json://127.0.0.1\\@10.0.0.1/", "json:/127.0.0.1/", "json:\\\\127.0.0.1/", " json://127.0.0.1/", f"{HERE}?",
        "json://127.0.0.1/a\n", "json://127.0.0.1/%0a", "json://127.0.0.1/%3Fx", "json://127.0.0.1/%253Fx",
        "json://127.0.0.1/%ff", "json://a@b@127.0.0.1/x", "json://127.0.0.1:99999/", "json://127.0.0.1:80:81/",
        "json://127.0.0.1;/x", "json://127.0.0.1/#", "json://127.0.0.1/;x", "json://127.0.0.1/é", f"{HERE}{'a' * 3000}",
        "json://%31%32%37.0.0.2/", "json://127.0.0.1%2f@10.0.0.1/", "slack://T1JJ3T3L2/#general", "psafer://aaaa",
    ],
)  # fmt: skip
def test_an_address_that_can_be_read_in_two_ways_is_refused(url: str):
    with pytest.raises(ChannelInvalidError):
        check(url)


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "localhost", "gotify", "nas.lan", "169.254.169.254", "metadata.google.internal"]
)
@pytest.mark.parametrize("scheme", sorted(OWN_HOST))
def test_a_host_of_ones_own_must_be_public_or_listed_as_that_of_a_webhook(settings: Any, scheme: str, host: str):
    settings.WEBHOOK_ALLOW_HTTP = True
    url = f"{scheme}://{host}/Aabcdefg"
    if scheme.startswith("ntfy"):
        url = f"{scheme}://{host}/topic"
    with pytest.raises(ChannelInvalidError, match="WEBHOOK_ALLOWED_HOSTS"):
        check(url)
    settings.WEBHOOK_ALLOWED_HOSTS = [host]
    check(url)


@pytest.mark.parametrize("scheme", sorted(scheme for scheme in OWN_HOST if f"{scheme}s" in OWN_HOST))
def test_plain_http_to_a_public_host_takes_the_setting(settings: Any, scheme: str):
    url = f"{scheme}://push.example.org/Aabcdefg"
    with pytest.raises(ChannelInvalidError, match="WEBHOOK_ALLOW_HTTP"):
        check(url)
    settings.WEBHOOK_ALLOW_HTTP = True
    check(url)


def test_a_redirect_is_not_followed_whatever_the_service(peer: WebhookPeer):
    with WebhookPeer() as inside:
        for scheme in ("json", "form", "xml", "gotify", "ntfy"):
            for status in (301, 302, 303, 307, 308):
                peer.answers(status, {"Location": f"http://localhost:{inside.host.partition(':')[2]}/internal"})
                with pytest.raises(NotSentError):
                    send(f"{scheme}://{peer.host}/Aabcdefg")
        assert len(peer.posts) == 25
        assert inside.posts == []


@pytest.mark.parametrize("scheme", ["json", "form", "xml", "gotify", "ntfy"])
def test_no_link_icon_or_address_of_others_is_sent(peer: WebhookPeer, scheme: str):
    send(f"{scheme}://{peer.host}/Aabcdefg")
    [post] = peer.posts
    said = post.body.decode() + json.dumps(post.headers)
    for word in ("github", "caronc", "appriseit", "icon", ".png", "https:"):
        assert word not in said.lower()


def test_no_hosted_service_is_sent_a_link_or_an_icon(monkeypatch: pytest.MonkeyPatch):
    """What would go to Discord and others, without sending it."""
    sent: list[str] = []

    def note(self: PinnedRequests, method: str, url: str, **options: Any) -> requests.Response:
        sent.append(f"{url} {options.get('data')} {options.get('json')} {options.get('params')} {options.get('files')}")
        answer = requests.Response()
        answer.status_code, answer._content = 200, b'{"ok": true, "result": {}}'
        return answer

    monkeypatch.setattr(PinnedRequests, "request", note)
    for url in USUAL:
        if url.partition("://")[0] in FIXED_HOST:
            before = len(sent)
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr("time.sleep", lambda seconds: None)
                with suppress(NotSentError):  # some want another answer; what they sent is looked at
                    send(url)
            assert len(sent) > before, url
    for text in sent:
        for word in ("github", "caronc", "appriseit", ".png", "icon_url", "image_url"):
            assert word not in text, text


def test_a_name_is_looked_up_once_and_the_connection_goes_to_what_was_checked(
    settings: Any, monkeypatch: pytest.MonkeyPatch, peer: WebhookPeer
):
    port = int(peer.host.partition(":")[2])
    settings.WEBHOOK_ALLOWED_HOSTS = [f"push.example:{port}"]
    monkeypatch.setattr(safe_http, "_resolve", lambda where: ["127.0.0.1"])
    send(f"json://push.example:{port}/x")
    assert peer.posts[0].headers["Host"] == f"push.example:{port}"
    settings.WEBHOOK_ALLOWED_HOSTS, settings.WEBHOOK_ALLOW_HTTP = [], True
    with pytest.raises(OutgoingRefusedError, match="not public"):
        send(f"json://push.example:{port}/x")
    assert len(peer.posts) == 1


def test_a_plugin_cannot_connect_where_a_webhook_could_not(
    settings: Any, peer: WebhookPeer, monkeypatch: pytest.MonkeyPatch
):
    """Whatever address it makes up: this is what holds where the check of its address is wrong."""
    monkeypatch.setenv("HTTP_PROXY", peer.url)
    monkeypatch.setenv("HTTPS_PROXY", peer.url)
    settings.WEBHOOK_ALLOWED_HOSTS = []
    for url in (peer.url, peer.url.replace("127.0.0.1", "localhost"), f"https://{peer.host}/"):
        with pytest.raises(HSIError):
            PinnedRequests().request("post", url, data="x", verify=False, allow_redirects=True)
    with pytest.raises(OutgoingRefusedError, match="WEBHOOK_ALLOW_HTTP"):
        PinnedRequests().request("post", "http://example.org/", data="x")
    with pytest.raises(requests.RequestException):
        PinnedRequests().request("get", "file:///etc/passwd")
    assert peer.posts == []


def test_a_certificate_is_checked_whatever_a_plugin_asks_for(monkeypatch: pytest.MonkeyPatch):
    seen: dict[str, Any] = {}

    def note(self: requests.Session, method: str, url: str, **options: Any) -> requests.Response:
        seen.update(options)
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "request", note)
    with pytest.raises(requests.ConnectionError):
        PinnedRequests().request(
            "post", "https://example.org/", verify=False, allow_redirects=True, proxies={"https": "x"}
        )
    assert (seen["verify"], seen["allow_redirects"], seen["proxies"]) == (True, False, {})


def test_an_answer_is_read_up_to_a_bound(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("events.notifications.pinned_requests.LONGEST_ANSWER_BYTES", 10)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 20)
                connection.recv(1)

        thread = threading.Thread(target=answer)
        thread.start()
        got = PinnedRequests().request("get", f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=5)
        thread.join(5)
    assert got.content == b"x" * 10


@pytest.mark.parametrize("scheme", sorted(FIXED_HOST | OWN_HOST))
def test_each_service_sends_with_requests_and_nothing_else(scheme: str):
    """A plugin that opened connections in another way would not be held to the rules."""
    module = importlib.import_module(N_MGR[scheme].__module__)
    assert module.requests is requests or isinstance(module.requests, PinnedRequests)
    source = inspect.getsource(module)
    for other in ("urllib.request", "http.client", "import socket", "httpx", "smtplib", "Session(", "subprocess"):
        assert other not in source
    for name in set(re.findall(r"requests\.([A-Za-z_]+)", source)):
        assert hasattr(PinnedRequests(), name), name


def test_what_was_listed_and_is_no_more_is_refused_when_it_is_sent(settings: Any, peer: WebhookPeer):
    settings.WEBHOOK_ALLOWED_HOSTS = []
    with pytest.raises(RefusedError):
        send(f"json://{peer.host}/x")
    assert peer.posts == []


def test_apprise_has_the_switches_that_this_relies_on():
    asset = service._asset()
    plugin: Any = apprise.Apprise.instantiate(HERE, asset=asset)
    assert (plugin.redirects, plugin.verify_certificate, plugin.app_url) == (False, True, "")
    assert plugin.image_url(apprise.NotifyType.INFO) is None
    assert plugin.image_path(apprise.NotifyType.INFO) is None
