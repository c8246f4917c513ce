"""Killed between any two of its writes, and started again: nothing dangles, and nothing is done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection
from django.utils import timezone

from cameras.files.tree import Tree
from cameras.intake.scanner import without_row
from cameras.models import Camera, Garbage, Upload
from events.models import Event
from hsi import failpoints
from tests import factories
from tests.engines.environment import ROOT
from tests.monitoring.metrics import recordings

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

MANAGE = ROOT / "manage.py"
OLD, YOUNG = timezone.now() - timedelta(days=40), timezone.now() - timedelta(days=2)
POINTS = [
    "prune.garbage", "prune.rows", "prune.committed", "prune.unlinked:1", "prune.unlinked:4", "prune.unlinked:12",
    "prune.cleared:1", "prune.cleared:3",
]  # fmt: skip


@pytest.fixture
def camera(settings: Any, data_dir: Path) -> Camera:
    """Two old events, an old kept one, a young one, and pictures of other kinds, with their files."""
    settings.RETENTION_FREE_BYTES = settings.RETENTION_FREE_PERCENT = 0
    made = factories.camera()
    recordings.event(made, OLD)
    recordings.event(made, OLD)
    recordings.event(made, OLD, kept=True)
    recordings.event(made, YOUNG)
    recordings.picture(made, OLD, folder="2026/01")
    recordings.picture(made, OLD, folder="2026/02")
    recordings.refused(made, OLD)
    return made


def database_url() -> str:
    """The database of this test, as another process reaches it."""
    given = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{given['NAME']}"
    return f"postgresql://{given['USER']}:{given['PASSWORD']}@{given['HOST']}:{given['PORT']}/{given['NAME']}"


def prune(*, crash_at: str = "") -> int:
    """`manage.py prune` in a process of its own on the same rows and files; its exit status."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "HSI_DATA_DIR": str(configured.DATA_DIR),
        "RETENTION_FREE_BYTES": "0",
        "RETENTION_FREE_PERCENT": "0",
        failpoints.VARIABLE: crash_at,
    }
    command = [sys.executable, str(MANAGE), "prune"]
    return subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False).returncode


def assert_finished() -> None:
    assert Event.objects.count() == 2
    assert Upload.objects.count() == 4
    recordings.assert_nothing_dangles()


def assert_no_file_is_taken_for_a_new_one() -> None:
    assert list(without_row(Tree(configured.CAMERA_ROOT).walk())) == []


def test_uninterrupted_it_ends_with_what_is_kept_and_what_is_young(camera: Camera):
    assert prune() == 0
    assert_finished()


@pytest.mark.parametrize("point", POINTS)
def test_killed_and_started_again_it_ends_as_if_it_had_not_been(camera: Camera, point: str):
    assert prune(crash_at=point) == -signal.SIGKILL
    assert_no_file_is_taken_for_a_new_one()
    named = recordings.files_of_rows()
    assert named <= recordings.files(), "a row names a file that is gone"
    recordings.run(timezone.now())
    assert_finished()


def test_killed_after_each_file_in_turn_it_still_gets_there(camera: Camera):
    crashes = 0
    while prune(crash_at="prune.unlinked:6") == -signal.SIGKILL:
        crashes += 1
        assert_no_file_is_taken_for_a_new_one()
        assert crashes < 10
    assert crashes >= 2
    assert not Garbage.objects.exists()
    assert_finished()
