from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from hsi.disk_space import Floor, missing_bytes

pytestmark = pytest.mark.one_engine
NO_FLOOR = Floor(0, 0)


def test_a_folder_that_does_not_exist_lacks_nothing(tmp_path: Path):
    assert missing_bytes([tmp_path / "no"], Floor(10**15, 50)) == 0
    assert missing_bytes([tmp_path / "no", tmp_path], Floor(10**15, 0)) > 10**14


def test_the_larger_of_both_floors_counts(tmp_path: Path):
    total = shutil.disk_usage(tmp_path).total
    assert missing_bytes([tmp_path], Floor(10 * total, 200)) > 8 * total
    assert missing_bytes([tmp_path], Floor(2 * total, 1000)) > 8 * total


def test_bytes_that_are_coming_count_as_written(tmp_path: Path):
    assert missing_bytes([tmp_path], NO_FLOOR, incoming_bytes=1) == 0
    assert missing_bytes([tmp_path], NO_FLOOR, incoming_bytes=10**15) > 10**14


def test_the_configured_floor_is_that_of_the_settings(settings: Any):
    settings.DISK_FREE_FLOOR_BYTES, settings.DISK_FREE_FLOOR_PERCENT = 1000, 8
    assert Floor.configured() == Floor(1000, 8)
    assert Floor.configured().scaled(1.25) == Floor(1250, 10)
