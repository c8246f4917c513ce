from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from hsi.config.environment import ConfigurationError, read
from hsi.config.options import SETTINGS
from hsi.config.unused_settings import COMPOSE, NEEDS, PREFIXES, PROCESS_ONLY, in_file, in_process, looks_like_ours

pytestmark = pytest.mark.one_engine


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("BATCH_WINDOW_SECOND", "BATCH_WINDOW_SECONDS"),
        ("DETECTION_TRESHOLD_CONFIDENCE", ""),
        ("SMTP_PASWORD", "SMTP_PASSWORD"),
        ("smtp_host", "SMTP_HOST"),
        ("RTDETR-URL", "RTDETR_URL"),
        ("HSI_TIME_ZONE", "TIME_ZONE"),
        ("DJANGO_ALLOWED_HOSTS", "ALLOWED_HOSTS"),
        ("SOMETHING_ELSE", ""),
    ],
)
def test_every_unknown_name_of_a_file_is_told_with_what_was_probably_meant(name: str, meant: str):
    (line,) = in_file(".env", [name])
    assert line.startswith(f"{name} (.env) is set and not used")
    assert line.endswith(f"did you mean {meant}?" if meant else "no setting has this name")


def test_what_others_read_from_the_file_is_not_told():
    assert in_file(".env", [*COMPOSE, "TZ", "COMPOSE_PROJECT_NAME", "API_PORT"]) == []
    (line,) = in_file(".env", ["DJANGO_SUPERUSER_USERNAME"])
    assert line.endswith("from the environment of the process only")


@pytest.mark.parametrize(
    "name", ["NEMOTRON_HOST", "RETENTION_WEEKS", "RTDETR_UR", "WEBHOOK_ALLOWED_HOST", "HSI_DATADIR", "HSI_SMTP_HOST"]
)
def test_of_the_process_a_name_that_looks_like_ours_is_told(name: str):
    assert len(in_process([name])) == 1


def test_of_the_process_the_names_of_others_are_not_told():
    others = (
        "PATH HOME USER SHELL LANG TERM PWD HOSTNAME LOGNAME EDITOR DISPLAY TMPDIR VIRTUAL_ENV PYTHONPATH SSH_AUTH_SOCK"
        " XDG_RUNTIME_DIR HTTP_PROXY HTTPS_PROXY NO_PROXY REDIS_PORT REDIS_SERVICE_HOST POSTGRES_PORT PGHOST LS_COLORS"
        " DEBUGINFOD_URLS KUBERNETES_PORT INVOCATION_ID JOURNAL_STREAM DBUS_SESSION_BUS_ADDRESS HSI_TOKEN HSI_URL"
        " HSI_CRASH_ROUNDS HSI_OUTAGE_SECONDS HSI_PYTHON DJANGO_SETTINGS_MODULE"
    )
    assert [name for name in others.split() if looks_like_ours(name)] == []


def test_what_is_known_as_ours_and_as_others_is_so():
    names = [setting.name for setting in SETTINGS]
    assert [prefix for prefix in PREFIXES if not any(name.startswith(prefix) for name in names)] == []
    asked_for = set(re.findall(r"\$\{(\w+)", (Path(settings.BASE_DIR) / "compose.yaml").read_text()))
    assert asked_for - set(names) == COMPOSE
    assert in_process([*names, *PROCESS_ONLY, *COMPOSE]) == []


def test_a_start_that_fails_tells_of_unused_names_too(tmp_path: Path):
    path = tmp_path / ".env"
    path.write_text("API_PORT=0\nNEMOTRON_UR=http://hush.example\nnonsense\n")
    made = read({"HSI_DATA_DIR": str(tmp_path), "RETENTION_WEEKS": "9"}, [(".env", path)])
    assert str(ConfigurationError(made)).splitlines() == [
        "Settings that cannot be used:",
        "  API_PORT='0' (.env): must be a whole number from 1 to 65,535",
        "Set and not used:",
        f"  {path} (.env): line 3 is not NAME=value",
        "  RETENTION_WEEKS (process) is set and not used: no setting has this name",
        "  NEMOTRON_UR (.env) is set and not used: no setting has this name; did you mean NEMOTRON_URL?",
    ]


@pytest.mark.parametrize(
    ("process", "remarks"),
    [
        ({"API_KEYS": "k" * 20}, ["API_KEYS (process) has no effect without API_KEY_ENABLED"]),
        ({"API_KEYS": "k" * 20, "API_KEY_ENABLED": "yes"}, []),
        ({"SMTP_USER": "me"}, ["SMTP_USER (process) has no effect without SMTP_HOST"]),
        ({"LOG_DB_MIN_LEVEL": "ERROR"}, []),
        ({}, []),
    ],
)
def test_a_setting_that_needs_another_one_is_told(process: dict[str, str], remarks: list[str], tmp_path: Path):
    assert read({"HSI_DATA_DIR": str(tmp_path), **process}, []).remarks == remarks


def test_what_needs_another_setting_names_settings():
    names = {setting.name for setting in SETTINGS}
    assert {*NEEDS, *NEEDS.values()} <= names


def test_a_runtime_file_that_was_named_and_is_not_there_is_told(tmp_path: Path):
    absent = tmp_path / "absent.env"
    process = {"HSI_DATA_DIR": str(tmp_path), "HSI_RUNTIME_ENV_PATH": str(absent)}
    files = [("runtime", absent), (".env", tmp_path / ".env")]
    (remark,) = read(process, files).remarks
    assert remark == f"HSI_RUNTIME_ENV_PATH (process) names a file that is not there: {absent}"
    assert read({"HSI_DATA_DIR": str(tmp_path)}, files).remarks == []
