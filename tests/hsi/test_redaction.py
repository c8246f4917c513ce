from __future__ import annotations

from typing import Any

import pytest

from hsi.options import SETTINGS
from hsi.redaction import MASK, redact, redact_data

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
    ],
)
def test_other_text_stays_as_it_is(text: str):
    assert redact(text) == text


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
