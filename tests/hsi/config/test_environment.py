from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from secrets import randbelow, token_hex, token_urlsafe

import pytest
from django.conf import settings

from hsi.config.env_file import read_env_file
from hsi.config.environment import Configuration, read
from hsi.config.options import SETTINGS, Setting, redact_url
from hsi.config.parsing import parse

pytestmark = pytest.mark.one_engine


def configuration(folder: Path, **process: str) -> Configuration:
    return read({"HSI_DATA_DIR": str(folder), **process}, [])


def test_every_default_is_what_its_own_declaration_allows(tmp_path: Path):
    made = read({}, [])
    assert not [fault for fault in made.faults if not fault.startswith("HSI_DATA_DIR")]
    for setting in SETTINGS:
        assert setting.help
        assert isinstance(setting.default, (setting.type, int) if setting.type is float else setting.type)
        assert parse(setting, str(setting.default))[1] is None or setting.type in (str, list)
        assert (setting.minimum is None) == (setting.maximum is None)


def test_the_process_comes_before_the_files_and_the_first_file_before_the_second(tmp_path: Path):
    runtime, dotenv = tmp_path / "runtime.env", tmp_path / ".env"
    runtime.write_text("API_PORT=2\nBATCH_WINDOW_SECONDS=40\n")
    dotenv.write_text("API_PORT=3\nBATCH_WINDOW_SECONDS=50\nJOB_MAX_ATTEMPTS=7\n")
    files = [("runtime", runtime), (".env", dotenv), ("nowhere", tmp_path / "absent")]
    made = read({"API_PORT": "1", "HSI_DATA_DIR": str(tmp_path)}, files)
    names = ("API_PORT", "BATCH_WINDOW_SECONDS", "JOB_MAX_ATTEMPTS", "JOB_LEASE_SECONDS")
    assert [(made.values[name], made.sources[name]) for name in names] == [
        (1, "process"),
        (40, "runtime"),
        (7, ".env"),
        (20, "default"),
    ]


def test_an_empty_value_is_as_good_as_none(tmp_path: Path):
    made = configuration(tmp_path, API_PORT="")
    assert (made.values["API_PORT"], made.sources["API_PORT"]) == (8000, "default")


def test_reading_a_file_leaves_the_environment_alone(tmp_path: Path):
    path = tmp_path / ".env"
    path.write_text("# a comment\nHSI_TEST_ONLY=\"two words\"\nexport OTHER='$x'\n")
    assert read_env_file(path).values == {"HSI_TEST_ONLY": "two words", "OTHER": "$x"}
    assert "HSI_TEST_ONLY" not in os.environ


def test_a_file_that_is_no_text_is_a_fault(tmp_path: Path):
    path = tmp_path / ".env"
    path.write_bytes(b"API_PORT=\xff\xfe\n")
    (fault,) = read({"HSI_DATA_DIR": str(tmp_path)}, [(".env", path)]).faults
    assert "UTF-8" in fault


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("API_PORT", "99999"),
        ("API_PORT", "8000.5"),
        ("API_PORT", "$HOME"),
        ("BATCH_WINDOW_SECONDS", "-1"),
        ("FILE_STABLE_SECONDS", "nan"),
        ("DEBUG", "perhaps"),
        ("QUEUE", "kafka"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_value_that_is_not_allowed_is_a_fault_with_what_is(tmp_path: Path, name: str, raw: str):
    setting = next(one for one in SETTINGS if one.name == name)
    made = configuration(tmp_path, **{name: raw})
    assert made.faults == [f"{name}={raw!r} (process): must be {setting.allowed}"]
    assert made.values[name] == setting.default


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("TIME_ZONE", "Mars/Olympus"),
        ("DATABASE_URL", "mongodb://host/x"),
        ("DATABASE_URL", "postgresql://u:p@host:port/x"),
        ("DATABASE_URL", "nonsense"),
        ("REDIS_URL", "http://host"),
        ("REDIS_URL", "redis://"),
        ("RTDETR_URL", "http://[::1"),
        ("NEMOTRON_URL", "http:///path"),
        ("NEMOTRON_URL", "localhost:8091"),
        ("HSI_DATA_DIR", "/etc/passwd"),
        ("HSI_DATA_DIR", "/etc/passwd/below"),
        ("BATCH_IDLE_TIMEOUT_SECONDS", "91"),
        ("SEVERITY_LOW_MAX", "60"),
        ("LATITUDE", "52.5"),
    ],
)
def test_a_value_that_makes_no_sense_is_one_fault(tmp_path: Path, name: str, raw: str):
    (fault,) = configuration(tmp_path, **{name: raw}).faults
    assert fault.startswith(name)


@pytest.mark.parametrize(
    ("latitude", "longitude", "is_fine"),
    [
        ("52.52", "13.4", True),
        ("-33", "-179.99", True),
        ("0", "0", True),
        ("91", "13", False),
        ("52", "181", False),
        ("52,5", "13", False),
        ("52 N", "13", False),
        ("nan", "13", False),
    ],
)
def test_coordinates_are_degrees(tmp_path: Path, latitude: str, longitude: str, is_fine: bool):
    faults = configuration(tmp_path, LATITUDE=latitude, LONGITUDE=longitude).faults
    assert len(faults) == (0 if is_fine else 1)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///data/x.sqlite3",
        "sqlite:///:memory:",
        "postgres://u:p@h/x",
        "postgresql+asyncpg://u:p@h:5432/x",
        "postgresql:///x",
    ],
)
def test_the_database_addresses_that_are_promised_are_taken(tmp_path: Path, url: str):
    assert configuration(tmp_path, DATABASE_URL=url).faults == []


def test_values_get_their_types(tmp_path: Path):
    made = configuration(
        tmp_path, FAST_PATH_OBJECT_TYPES=" person, car ,", DEBUG="Yes", AI_HEALTH_TIMEOUT="2", RTDETR_API_KEY="$ecret"
    )
    names = ("FAST_PATH_OBJECT_TYPES", "DEBUG", "AI_HEALTH_TIMEOUT", "RTDETR_API_KEY")
    assert [made.values[name] for name in names] == [["person", "car"], True, 2.0, "$ecret"]


def test_a_backend_may_be_a_dotted_path():
    setting = next(one for one in SETTINGS if one.name == "QUEUE")
    assert parse(setting, "my.own.Queue") == ("my.own.Queue", None)


def test_a_secret_is_never_shown():
    secret = Setting("KEY", str, "", "A key.", secret=True)
    assert (secret.shown("abc"), secret.shown("")) == ("********", "")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@host:5432/x", "postgresql://me:********@host:5432/x"),
        ("redis://:secret@host/0", "redis://:********@host/0"),
        ("http://host/x", "http://host/x"),
        ("http://me:sec@ret@host/x", "http://me:********@host/x"),
        ("http://[me:secret@host", "********"),
    ],
)
def test_a_password_in_an_address_is_never_shown(url: str, shown: str):
    assert redact_url(url) == shown


@pytest.mark.slow
def test_a_start_with_bad_settings_ends_with_one_line_a_fault_and_no_traceback(tmp_path: Path):
    faulty = {
        "API_PORT": "0",
        "RTDETR_API_KEY": "hush",
        "NEMOTRON_URL": "ftp://me:hush@host/",
        "HSI_DATA_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=settings.BASE_DIR,
        env={**os.environ, **faulty, "HSI_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "Settings that cannot be used:",
        "  API_PORT='0' (process): must be a whole number from 1 to 65,535",
        "  NEMOTRON_URL='ftp://me:********@host/': must be an address with http:// or https://",
    ]


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("TRUSTED_PROXY_IPS", "10.0.0.0/8,proxy", "must be addresses and networks such as 10.0.0.0/8, which 'proxy'"),
        ("CORS_ORIGINS", "home.example", "CORS_ORIGINS='home.example' (process): must be origins"),
        ("CORS_ORIGINS", "https://home.example/path", "must be an address without path"),
        ("API_KEYS", "too-short", "API_KEYS: each must have at least 20 characters"),
    ],
)
def test_who_is_let_in_is_checked_and_no_key_is_shown(name: str, raw: str, said: str):
    (fault,) = read({name: raw}, []).faults
    assert said in fault
    assert "too-short" not in fault
    good = {"TRUSTED_PROXY_IPS": "10.0.0.0/8,::1", "CORS_ORIGINS": "https://home.example:8443", "API_KEYS": "x" * 20}
    assert read(good, []).faults == []


@pytest.mark.parametrize(
    "key",
    [
        "a-short-one",
        "x7" * 19,
        "a" * 50,
        "0123456789" * 5,
        "change-me!" * 4 + "chang",
        "abcabcabdabcabcabdabcabcabdabcabcabdabcabcabd"[:44],
        "aabbabababbabaabbabaabababbbaabababbaababbaba",
        "django-insecure-8f$2k!x0p)w@7n3v#q5c&m1z^t6r*y9b4u",
    ],
)
def test_a_secret_key_that_could_be_guessed_stops_the_start_and_is_not_shown(key: str):
    (fault,) = read({"SECRET_KEY": key}, []).faults
    assert fault.startswith("SECRET_KEY: must have at least 40 random characters")
    assert key not in fault


def test_a_random_secret_key_will_do_in_any_notation():
    for made in (token_urlsafe(30), token_hex(20), str(10**49 + randbelow(10**49)), token_urlsafe(50)):
        assert read({"SECRET_KEY": made}, []).faults == []


def test_without_a_secret_key_a_long_one_is_made():
    assert len(settings.SECRET_KEY) >= 40
