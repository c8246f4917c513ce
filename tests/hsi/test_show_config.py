from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from hsi.configuration import read
from hsi.options import SETTINGS

pytestmark = pytest.mark.one_engine


@pytest.fixture(autouse=True)
def _known_settings(settings, tmp_path: Path) -> None:
    process = {
        "HSI_DATA_DIR": str(tmp_path),
        "RTDETR_API_KEY": "hush",
        "DATABASE_URL": "postgresql://me:hush@host/x",
    }
    settings.CONFIGURATION = read(process, [])


def shown(*arguments: str) -> str:
    out = StringIO()
    call_command("show_config", *arguments, stdout=out)
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
