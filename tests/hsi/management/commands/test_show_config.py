from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import OperationalError

from hsi import live_settings
from hsi.config.environment import read
from hsi.config.options import SETTINGS
from hsi.models import LiveSetting

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _known_settings(settings, tmp_path: Path) -> None:
    process = {
        "HSI_DATA_DIR": str(tmp_path),
        "RTDETR_API_KEY": "hush",
        "DATABASE_URL": "postgresql://me:hush@host/x",
    }
    settings.CONFIGURATION = read(process, [])


def shown(*arguments: str, stderr: StringIO | None = None) -> str:
    out = StringIO()
    call_command("show_config", *arguments, stdout=out, stderr=stderr)
    return out.getvalue()


def test_every_setting_is_a_line_with_its_source_and_what_is_allowed():
    heading, *lines = shown().splitlines()
    assert heading.split() == ["Name", "Value", "Source", "Allowed", "Help"]
    assert [line.split()[0] for line in lines] == [setting.name for setting in SETTINGS]
    (port,) = (line for line in lines if line.startswith("API_PORT"))
    assert port.split()[1:3] == ["8000", "default"]
    assert "a whole number from 1 to 65,535" in port


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--changed"]])
def test_no_secret_is_shown(arguments: list[str]):
    text = shown(*arguments)
    assert "hush" not in text
    assert "postgresql://me:********@host/x" in text


def test_only_what_was_changed_is_shown_when_asked_for():
    rows = json.loads(shown("--changed", "--json"))
    assert {row["name"]: row["source"] for row in rows} == {
        "HSI_DATA_DIR": "process",
        "DATABASE_URL": "process",
        "RTDETR_API_KEY": "process",
    }
    assert set(rows[0]) == {"name", "value", "source", "allowed", "help"}


def test_what_was_set_while_running_is_shown_and_what_is_ignored_is_said():
    LiveSetting.objects.create(name="BATCH_WINDOW_SECONDS", value="120", changed_by="ann")
    LiveSetting.objects.create(name="TRASH_DAYS", value="-1", changed_by="ann")
    said = StringIO()
    rows = {row["name"]: row for row in json.loads(shown("--json", stderr=said))}
    assert (rows["BATCH_WINDOW_SECONDS"]["value"], rows["BATCH_WINDOW_SECONDS"]["source"]) == ("120", "database")
    assert (rows["TRASH_DAYS"]["value"], rows["TRASH_DAYS"]["source"]) == ("7", "default")
    assert said.getvalue().startswith("The live value of TRASH_DAYS is ignored: must be a whole")


def test_without_a_database_the_environment_is_shown(monkeypatch: pytest.MonkeyPatch):
    def away() -> None:
        raise OperationalError("no such host")

    monkeypatch.setattr(live_settings, "apply_changes", away)
    said = StringIO()
    assert len(shown(stderr=said).splitlines()) == len(SETTINGS) + 1
    assert "the database cannot be read: no such host" in said.getvalue()


def test_what_was_set_and_is_not_used_is_told_beside_the_table(settings, tmp_path: Path):
    (tmp_path / ".env").write_text("RETENTION_WEEKS=2\nALLOWED_HOSTS=a.example b.example\n")
    settings.CONFIGURATION = read({"HSI_DATA_DIR": str(tmp_path)}, [(".env", tmp_path / ".env")])
    said = StringIO()
    assert len(shown(stderr=said).splitlines()) == len(SETTINGS) + 1
    assert said.getvalue().splitlines() == [
        "RETENTION_WEEKS (.env) is set and not used: no setting has this name",
        "ALLOWED_HOSTS='a.example b.example' (.env) is read as a.example,b.example",
    ]


def test_the_check_ends_with_one_where_something_is_not_used(settings, tmp_path: Path):
    (tmp_path / ".env").write_text("RETENTION_WEEKS=2\n")
    settings.CONFIGURATION = read({"HSI_DATA_DIR": str(tmp_path)}, [(".env", tmp_path / ".env")])
    with pytest.raises(SystemExit) as ended:
        shown("--check")
    assert ended.value.code == 1


def test_the_check_ends_with_one_where_a_row_is_ignored():
    LiveSetting.objects.create(name="TRASH_DAYS", value="-1", changed_by="ann")
    with pytest.raises(SystemExit):
        shown("--check")


def test_the_check_ends_well_where_all_is_used_also_in_another_form(settings, tmp_path: Path):
    process = {"HSI_DATA_DIR": str(tmp_path), "ALLOWED_HOSTS": '["a.example"]'}
    settings.CONFIGURATION = read(process, [])
    first, last = shown("--check").splitlines()
    assert first.endswith("is read as a.example")
    assert last.startswith("Every value is used.")
