from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as configured
from django.db import connection

from cameras.files import disk_guard
from cameras.files.disk_guard import DiskGuard
from cameras.intake.watcher import MAX_PAUSE_SECONDS, CameraWatcher
from cameras.models import Upload
from hsi.models import StreamMessage
from monitoring.health import checks
from tests import files
from tests.cameras.waiting import until
from tests.engines.environment import ROOT

MANAGE = ROOT / "manage.py"
MB = 1024**2


def free() -> int:
    return shutil.disk_usage(configured.DATA_DIR).free


@pytest.fixture
def floor(settings: Any, data_dir: Path) -> Callable[[int], None]:
    """Set how much must be free, against what really is free on this machine's disk."""

    def set_to(floor_bytes: int) -> None:
        settings.DISK_FREE_FLOOR_BYTES, settings.DISK_FREE_FLOOR_PERCENT = floor_bytes, 0.0

    return set_to


def told() -> list[tuple[str, str]]:
    rows = StreamMessage.objects.filter(type="service.status").order_by("seq")
    return [(row.data["service"], row.data["status"]) for row in rows]


@pytest.mark.django_db
def test_a_pause_and_a_resumption_of_intake_are_each_published_once(floor: Callable[[int], None], caplog: Any):
    guard = DiskGuard()
    for floor_bytes, paused in ((0, False), (free() * 2, True), (free() * 2, True), (0, False), (0, False)):
        floor(floor_bytes)
        guard.check()
        assert guard.is_paused() is paused
    assert told() == [("storage", "degraded"), ("storage", "healthy")]
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


@pytest.mark.django_db
def test_a_little_room_is_not_enough_to_resume(floor: Callable[[int], None]):
    guard = DiskGuard()
    floor(free() * 2)
    guard.check()
    floor(int(free() / 1.1))
    guard.check()
    assert guard.is_paused()
    assert not disk_guard.is_disk_low()
    floor(int(free() / 1.5))
    guard.check()
    assert not guard.is_paused()


@pytest.mark.django_db
def test_the_floor_may_be_a_share_of_the_disk(settings: Any, data_dir: Path):
    usage = shutil.disk_usage(data_dir)
    settings.DISK_FREE_FLOOR_BYTES = 0
    settings.DISK_FREE_FLOOR_PERCENT = usage.free / usage.total * 100 * 0.5
    assert not disk_guard.is_disk_low()
    settings.DISK_FREE_FLOOR_PERCENT = usage.free / usage.total * 100 * 1.5
    assert disk_guard.is_disk_low()


@pytest.mark.django_db
def test_the_folder_of_the_database_counts_where_it_is_a_file_and_the_temporary_folder_always(data_dir: Path):
    own = [Path(connection.settings_dict["NAME"]).parent] if connection.vendor == "sqlite" else []
    assert disk_guard.data_folders() == [data_dir, *own, Path(tempfile.gettempdir())]


@pytest.mark.django_db(transaction=True)
def test_a_database_that_cannot_write_does_not_prevent_the_pause(
    floor: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, caplog: Any
):
    def full(*messages: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM no_such_table")

    monkeypatch.setattr("hsi.outbox.publish.publish", full)
    floor(free() * 2)
    guard = DiskGuard()
    guard.check()
    assert guard.is_paused()
    assert "Cannot publish" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_paused_watcher_tracks_files_and_accepts_them_later(
    floor: Callable[[int], None], settings: Any, data_dir: Path
):
    settings.FILE_STABLE_SECONDS = 0.0
    settings.FILE_WATCHER_POLLING = True
    (data_dir / "cameras" / "door").mkdir()
    for number in range(3):
        (data_dir / "cameras" / "door" / f"{number}.jpg").write_bytes(files.jpeg(number))
    floor(free() * 2)
    loop = CameraWatcher()
    loop.open()
    assert [loop.step() for _ in range(5)] == [MAX_PAUSE_SECONDS] * 5
    assert not Upload.objects.exists()
    assert not loop.idle()
    floor(0)
    loop.guard.check()
    until(lambda: loop.step() >= 0 and Upload.objects.count() == 3)


@pytest.mark.django_db
def test_health_reports_that_intake_pauses_and_what_to_do(floor: Callable[[int], None]):
    check = checks.DiskCheck(free_share=0, free_bytes=0)
    floor(0)
    assert checks.outcome(check, for_staff=False)["status"] == "healthy"
    floor(free() * 2)
    said = checks.outcome(check, for_staff=False)
    assert said["status"] == "degraded"
    assert said["detail"].startswith("Intake is paused, new files wait in their folders:")
    assert str(configured.DATA_DIR) not in said["detail"]


@contextmanager
def watching_on_a_small_disk(environment: dict[str, str]) -> Iterator[Path]:
    """A real watcher whose data folder is a real disk of 48 MiB; that folder, as it is seen from here.

    The disk is mounted in a namespace of the child's own, which ends with it.
    """
    folder = environment["HSI_DATA_DIR"]
    script = (
        f"mount -t tmpfs -o size=48m tmpfs {folder} && mkdir {folder}/cameras && cd {folder}"
        f" && {sys.executable} {MANAGE} migrate -v0 && exec {sys.executable} {MANAGE} watch_cameras"
    )
    process = subprocess.Popen(["unshare", "--map-root-user", "--mount", "sh", "-c", script], env=environment)
    try:
        place = Path(f"/proc/{process.pid}/root{folder}")
        until(lambda: process.poll() is not None or is_watching(environment, place))
        assert process.poll() is None, "the watcher ended; mounting in a namespace must be allowed"
        yield place
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def query(environment: dict[str, str], place: Path, sql: str) -> list[list[Any]]:
    """Rows of the child's database; none while it has no tables."""
    url = environment["DATABASE_URL"]
    if not url.startswith("sqlite"):
        try:
            with psycopg.connect(url) as server:
                return [list(row) for row in server.execute(sql).fetchall()]
        except psycopg.errors.UndefinedTable:
            return []
    # SQLite resolves the path that leads into the namespace, so it must be asked from within.
    enter = ["nsenter", "--target", place.parts[2], "--user", "--mount", "--preserve-credentials"]
    ask = "import json, sqlite3, sys; print(json.dumps(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))"
    asked = [*enter, sys.executable, "-c", ask, url.removeprefix("sqlite:///"), sql]
    answer = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False)
    rows: list[list[Any]] = json.loads(answer.stdout) if answer.returncode == 0 else []
    return rows


def is_watching(environment: dict[str, str], place: Path) -> bool:
    return query(environment, place, "SELECT 1 FROM hsi_workerheartbeat WHERE kind = 'watcher'") != []


@pytest.mark.slow
def test_on_a_real_disk_that_fills_up_intake_pauses_in_time_and_resumes(
    child_environment: dict[str, str],
):
    environment = {
        **child_environment, "DISK_FREE_FLOOR_BYTES": str(16 * MB), "DISK_FREE_FLOOR_PERCENT": "0",
        "FILE_STABLE_SECONDS": "0.2", "FILE_WATCHER_POLLING": "true", "FILE_WATCHER_POLL_SECONDS": "0.2",
    }  # fmt: skip
    with watching_on_a_small_disk(environment) as place:

        def taken_in() -> int:
            return len(query(environment, place, "SELECT id FROM cameras_upload"))

        def statuses() -> list[str]:
            rows = query(
                environment, place, "SELECT data FROM hsi_streammessage WHERE type = 'service.status' ORDER BY seq"
            )
            return [(json.loads(data) if isinstance(data, str) else data)["status"] for (data,) in rows]

        door = place / "cameras" / "door"
        door.mkdir()
        (door / "before.jpg").write_bytes(files.jpeg(1))
        until(lambda: taken_in() == 1)
        (place / "ballast").write_bytes(b"x" * (shutil.disk_usage(place).free - 8 * MB))
        until(lambda: statuses() == ["degraded"])
        (door / "during.jpg").write_bytes(files.jpeg(2))
        looked = time.monotonic() + 3
        until(lambda: time.monotonic() > looked)
        assert taken_in() == 1
        (place / "ballast").unlink()
        until(lambda: taken_in() == 2)
        assert statuses() == ["degraded", "healthy"]
