from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory
from django.views.debug import technical_500_response

from hsi.config.options import SETTINGS
from hsi.logs.redaction import MASK, MOST_HANDLED, handle, redact, redact_data

pytestmark = pytest.mark.one_engine

SECRET = [setting.name for setting in SETTINGS if setting.secret]
ADDRESSES = ("DATABASE_URL", "REDIS_URL", "RTDETR_URL", "NEMOTRON_URL")


@pytest.mark.parametrize("name", SECRET)
def test_the_value_of_every_secret_setting_is_masked(settings: Any, name: str):
    value = "s3cr%t/" + name.lower()
    setattr(settings, name, value)
    for written in (value, f"got {value!r} from", value.replace("%", "%25").replace("/", "%2F")):
        assert name.lower() not in redact(f"a line with {written} in it")
    assert redact_data({"note": f"x{value}x"}) == {"note": f"x{MASK}x"}


@pytest.mark.parametrize("name", ADDRESSES)
def test_the_password_in_the_address_of_a_setting_is_masked_wherever_it_stands(settings: Any, name: str):
    setattr(settings, name, "postgresql://me:pass-word@host/db")
    assert redact("authentication failed with pass-word") == f"authentication failed with {MASK}"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("GET /x Authorization: Bearer abcdefgh12345", "abcdefgh12345"),
        ("{'Authorization': 'Token 0123'}", "0123"),
        ("Authorization: Basic dXNlcjpwYXNz, then", "dXNlcjpwYXNz"),
        ("proxy said bearer abcdefgh.ijk", "abcdefgh.ijk"),
        ("X-API-Key: 12345", "12345"),
        ('{"api_key": "12345"}', "12345"),
        ("password=hunter2&user=a", "hunter2"),
        ("Cookie: sessionid=abc; csrftoken=def", "abc"),
        ("rtsp://admin:hunter2@10.0.0.9/stream", "hunter2"),
        ("https://user:p@ss@host/", "p@ss"),
        ("made hsi_abcdefghijklmnopqrstuvwxyz0123456789 now", "abcdefghijklmnop"),
        ("open /setup?key=c2V0dXA:1u:xyz", "c2V0dXA"),
        ("GET /api/events?token=abcdef HTTP/1.1", "abcdef"),
        ("GET /x?a=1&access_token=abcdef&b=2", "abcdef"),
        ("GET /x?key=abcdef", "abcdef"),
        ("GET /x?sig=abcdef&x=1", "abcdef"),
        ("refresh_token: abcdef", "abcdef"),
        ('{"bot_token": "abcdef"}', "abcdef"),
        ("Authorization: Digest username=ann, response=abcdef", "abcdef"),
        ("Proxy-Authorization: Negotiate abcdef", "abcdef"),
        ("X-Auth-Token: abcdef", "abcdef"),
        ("POST https://hooks.slack.com/services/T0/B0/abcdef", "abcdef"),
        ("https://discord.com/api/webhooks/123/abcdef 404", "abcdef"),
        ("https://api.telegram.org/bot123:abcdef/sendMessage", "abcdef"),
        ("https://maker.ifttt.com/trigger/x/with/key/abcdef", "abcdef"),
        ("https://chat.googleapis.com/v1/spaces/AAA/messages?key=abcdef&token=x", "abcdef"),
        ("https://a.webhook.office.com/webhookb2/abcdef", "abcdef"),
        ("https://ntfy.sh/abcdef", "abcdef"),
        ("http://ha.local:8123/api/webhook/abcdef-0123456789", "abcdef"),
        ("tgram://123:abcdef/5 is wrong", "abcdef"),
        ("to ntfys://abcdef/", "abcdef"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, hidden: str):
    assert hidden not in redact(text)
    assert MASK in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "the token is unknown",
        "front_door/20260301.jpg rejected: cut short",
        "http://localhost:8090/detect answered 503",
        "told Telegram (tgram://…)",
        "/api/notification-channels/5/test",
        "GET /api/events?cursor=abc&limit=5&label=person",
        "POST http://127.0.0.1:9/hook answered 500",
    ],
)
def test_other_text_stays_as_it_is(text: str):
    assert redact(text) == text


def test_a_key_among_several_of_a_setting_is_masked(settings: Any):
    settings.API_KEYS = ["first-key-0123456789", "second-key-0123456789"]
    assert redact("tried second-key-0123456789") == f"tried {MASK}"


def test_what_was_read_from_a_secret_field_is_masked_and_words_are_not():
    handle(["https://example.org/in/K3y+of%20mine?b=Val-9-u/0", 'a "quoted" pass', "short"])
    for written in ("K3y+of%20mine", "K3y%2Bof%2520mine", "K3y+of mine", "/in/K3y+of%20mine?b=Val-9-u/0"):
        assert "K3y" not in redact(f"asked for {written} once")
    assert "quoted" not in redact('{"x": "a \\"quoted\\" pass"}')
    assert redact("short, on example.org/notifications") == "short, on example.org/notifications"
    handle(f"Some-value-{number}" for number in range(2 * MOST_HANDLED))
    assert "K3y" in redact("K3y+of%20mine")


def test_a_secret_at_the_end_of_what_is_kept_is_masked_before_the_text_is_cut():
    handle(["Kept-9-value-0123456789"])
    assert "Kept" not in redact_data("x" * 1990 + "Kept-9-value-0123456789")
    assert len(redact_data("x" * 9000)) == 2000


def test_data_is_masked_by_name_and_bounded_in_depth():
    deep: Any = "end"
    for _ in range(50):
        deep = [deep]
    got = redact_data({"password": "x", "digest": "y", "token": "", "notes": "a\0b\ud800", "deep": deep, "n": 2**70})
    assert got["password"] == got["digest"] == MASK
    assert (got["token"], got["notes"], got["n"]) == ("", "ab\\ud800", 2**70)
    assert "end" not in str(got)


def test_a_long_hostile_text_is_looked_through_quickly():
    text = "a" * 200_000 + "://" * 20_000 + "authorization:" * 2_000
    assert len(redact(text)) <= len(text)


@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_the_page_of_an_error_in_development_mode_holds_no_secret(settings: Any, accept: str):
    settings.DEBUG, settings.RTDETR_API_KEY = True, "-".join(("Key", "of", "a", "setting", "7"))
    handled = "-".join(("Kept", "9", "value"))
    handle([f"https://example.org/in/{handled}"])
    values = {"username": "ann", "password": "-".join(("Typed", "pass", "5")), "note": "plain words"}
    request = RequestFactory().post("/login", values, headers={"Accept": accept})
    del values
    local = f"{handled} of https://example.org/in/{handled}"
    try:
        raise RuntimeError(f"{local} refused {settings.RTDETR_API_KEY}")
    except RuntimeError as error:
        page = technical_500_response(request, RuntimeError, error, error.__traceback__).content.decode()
    assert "plain words" in page
    assert "RuntimeError" in page
    for parts in (("Kept", "9", "value"), ("Key", "of", "a", "setting", "7"), ("Typed", "pass", "5")):
        assert "-".join(parts) not in page  # in parts: the page shows the lines of this file as well
