from __future__ import annotations

import pytest

from hsi.config.options import SETTINGS, Setting
from hsi.config.parsing import ITEMS, parse, remark

pytestmark = pytest.mark.one_engine

BY_NAME = {setting.name: setting for setting in SETTINGS}


def read(name: str, raw: str) -> tuple[object, str]:
    """(value, what is said about its form). Fails where it is refused."""
    value, fault = parse(BY_NAME[name], raw)
    assert fault is None, fault
    return value, remark(BY_NAME[name], raw, value)


def test_every_list_says_what_its_items_are():
    assert {one.items for one in SETTINGS if one.type is list} == ITEMS.keys() - {""}
    assert not [one.name for one in SETTINGS if one.items and one.type is not list]


@pytest.mark.parametrize(
    "raw",
    ["a.example,b.example", "a.example, b.example,", "a.example,b.example,a.example", "a.example,\r\n\tb.example"],
)
def test_a_list_with_commas_is_as_the_manual_has_it(raw: str):
    assert read("ALLOWED_HOSTS", raw)[0] == ["a.example", "b.example"]


@pytest.mark.parametrize(
    "raw",
    [
        '["a.example", "b.example"]',
        "['a.example','b.example']",
        "a.example;b.example",
        "a.example b.example",
        "a.example\nb.example\n",
        '"a.example,b.example"',
        '"a.example","b.example"',
        "'a.example' 'b.example'",
    ],
)
def test_a_list_in_any_other_form_means_the_same_and_is_told(raw: str):
    assert read("ALLOWED_HOSTS", raw) == (["a.example", "b.example"], "is read as a.example,b.example")


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("ALLOWED_HOSTS", "https://nvr.example.org/", ["nvr.example.org"]),
        ("ALLOWED_HOSTS", "nvr.example.org:8443", ["nvr.example.org"]),
        ("ALLOWED_HOSTS", "*.example.org", [".example.org"]),
        ("ALLOWED_HOSTS", "fd00::12", ["[fd00::12]"]),
        ("ALLOWED_HOSTS", "[FD00::12]:8000", ["[fd00::12]"]),
        ("ALLOWED_HOSTS", "küche.example", ["xn--kche-0ra.example"]),
        ("ALLOWED_HOSTS", '["*"]', ["*"]),
        ("WEBHOOK_ALLOWED_HOSTS", "https://ntfy.home/", ["ntfy.home:443"]),
        ("WEBHOOK_ALLOWED_HOSTS", "http://10.0.0.9:8123", ["10.0.0.9:8123"]),
        ("CSRF_TRUSTED_ORIGINS", "https://nvr.example.org/", ["https://nvr.example.org"]),
        ("TRUSTED_PROXY_IPS", "10.0.0.0/8 ::1", ["10.0.0.0/8", "::1"]),
        ("DEFAULT_EMAIL_RECIPIENTS", "me@home.example;you@home.example", ["me@home.example", "you@home.example"]),
        ("FAST_PATH_OBJECT_TYPES", "person; traffic  light", ["person", "traffic light"]),
        ("DETECTION_THRESHOLDS", "Person=0.50; traffic  light = 1", ["person=0.5", "traffic light=1"]),
    ],
)
def test_an_item_that_has_one_meaning_is_understood_and_told(name: str, raw: str, value: list[str]):
    assert read(name, raw) == (value, f"is read as {','.join(value)}")


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("ALLOWED_HOSTS", "nvr.example.org"),
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", ".example.org,[fd00::12]"),
        ("WEBHOOK_ALLOWED_HOSTS", "homeassistant.local:8123, 192.168.1.7"),
        ("CSRF_TRUSTED_ORIGINS", "https://*.example.org:8443"),
        ("CORS_ORIGINS", "*"),
        ("FAST_PATH_OBJECT_TYPES", "Person, traffic light"),
    ],
)
def test_nothing_is_told_of_a_list_that_needs_no_words(name: str, raw: str):
    assert read(name, raw)[1] == ""


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("ALLOWED_HOSTS", "https://nvr.example.org/page"),
        ("ALLOWED_HOSTS", "192.168.1.0/24"),
        ("ALLOWED_HOSTS", "192.168.1"),
        ("ALLOWED_HOSTS", "nvr.example.org:port"),
        ("ALLOWED_HOSTS", '["nvr.example.org"'),
        ("ALLOWED_HOSTS", "[1, 2]"),
        ("ALLOWED_HOSTS", '{"a": 1}'),
        ("WEBHOOK_ALLOWED_HOSTS", "*"),
        ("WEBHOOK_ALLOWED_HOSTS", "10.0.0.0/8"),
        ("WEBHOOK_ALLOWED_HOSTS", "ftp://nas.home"),
        ("WEBHOOK_ALLOWED_HOSTS", "http://me:hush@nas.home"),
        ("CSRF_TRUSTED_ORIGINS", "nvr.example.org"),
        ("CSRF_TRUSTED_ORIGINS", "*"),
        ("CORS_ORIGINS", "https://*.example.org"),
        ("TRUSTED_PROXY_IPS", "http://10.0.0.1"),
        ("METRICS_ALLOWED_ADDRESSES", "prometheus"),
        ("DEFAULT_EMAIL_RECIPIENTS", "somebody"),
        ("DETECTION_THRESHOLDS", "person"),
        ("DETECTION_THRESHOLDS", "person=high"),
        ("DETECTION_THRESHOLDS", "person=nan"),
        ("DETECTION_MIN_SIZES", "person=1.1"),
        ("DETECTION_MAX_SIZES", "=0.5"),
    ],
)
def test_an_item_that_would_match_nothing_is_a_fault(name: str, raw: str):
    value, fault = parse(BY_NAME[name], raw)
    assert value == BY_NAME[name].default
    assert fault


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("API_PORT", '"9000"', 9000),
        ("TIME_ZONE", "'Europe/Berlin'", "Europe/Berlin"),
        ("DEBUG", "'yes'", True),
        ("LOG_LEVEL", "debug", "DEBUG"),
        ("DETECTOR", "OpenCV", "opencv"),
        ("DETECTION_CONFIDENCE_THRESHOLD", "0,6", 0.6),
        ("API_PORT", "9000\r", 9000),
    ],
)
def test_a_value_with_quotes_or_in_another_case_has_one_meaning(name: str, raw: str, value: object):
    assert read(name, raw)[0] == value


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("FILE_STABLE_SECONDS", "2s"),
        ("FILE_WATCHER_POLL_SECONDS", "1,500"),
        ("FILE_STABLE_SECONDS", "inf"),
        ("RETENTION_DAYS", "30 days"),
        ("APP_NAME", "two\nlines"),
        ("DEBUG", "maybe"),
    ],
)
def test_a_value_that_would_be_read_by_halves_is_a_fault(name: str, raw: str):
    assert parse(BY_NAME[name], raw)[1]


def test_a_secret_keeps_its_quotes_and_that_is_told_without_it():
    value, said = read("SMTP_PASSWORD", '"hush"')
    assert (value, said) == ('"hush"', "begins and ends with a quote, which is part of the value")
    keys = '["' + "k" * 20 + '", "' + "l" * 20 + '"]'
    assert read("API_KEYS", keys) == (["k" * 20, "l" * 20], "is read as 2 entries")


def test_what_is_wrong_with_a_secret_does_not_show_it():
    secret = Setting("KEYS", list, [], "Keys.", items="host", secret=True)
    assert "hush" not in str(parse(secret, "hush/hush")[1])
