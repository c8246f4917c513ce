from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hsi.config.environment import read
from hsi.config.time_zone import PACKAGED, machine_zone

pytestmark = pytest.mark.one_engine


@pytest.mark.parametrize(
    ("tz", "zone"),
    [
        ("Asia/Kolkata", "Asia/Kolkata"),
        (":Asia/Kolkata", "Asia/Kolkata"),
        ("/usr/share/zoneinfo/posix/Asia/Kolkata", "Asia/Kolkata"),
        ("Etc/UTC", "UTC"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "UTC"),
        ("Mars/Olympus", "UTC"),
    ],
)
def test_the_variable_counts_before_the_file(tz: str, zone: str, tmp_path: Path):
    (tmp_path / "localtime").symlink_to(PACKAGED / "Europe/Rome")
    assert machine_zone(tz, tmp_path / "localtime", tmp_path / "absent") == zone


def test_the_file_is_followed_to_its_name_also_where_that_is_not_there(tmp_path: Path):
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Europe/Rome")
    assert machine_zone("", tmp_path / "localtime", tmp_path / "absent") == "Europe/Rome"


def test_a_file_that_is_no_link_is_known_by_its_content(tmp_path: Path):
    (tmp_path / "localtime").write_bytes((PACKAGED / "Asia/Kathmandu").read_bytes())
    found = machine_zone("", tmp_path / "localtime", tmp_path / "absent")
    assert ZoneInfo(found).key in {"Asia/Kathmandu", "Asia/Katmandu"}
    (tmp_path / "timezone").write_text("Asia/Katmandu\n")
    assert machine_zone("", tmp_path / "localtime", tmp_path / "timezone") == "Asia/Katmandu"


def test_without_anything_it_is_utc(tmp_path: Path):
    assert machine_zone("", tmp_path / "absent", tmp_path / "absent") == "UTC"


def test_the_setting_counts_before_the_machine(tmp_path: Path):
    process = {"HSI_DATA_DIR": str(tmp_path), "TZ": "America/New_York"}
    assert read(process, []).values["TIME_ZONE"] == "America/New_York"
    assert read({**process, "TIME_ZONE": "Asia/Tokyo"}, []).values["TIME_ZONE"] == "Asia/Tokyo"
    (tmp_path / ".env").write_text("TZ=Asia/Dubai\n")
    made = read({"HSI_DATA_DIR": str(tmp_path)}, [(".env", tmp_path / ".env")])
    assert (made.values["TIME_ZONE"], made.unused_lines()) == ("Asia/Dubai", [])
