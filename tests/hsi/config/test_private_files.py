"""Files of the data folder are for their user alone; the camera folder is as its owner made it."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import LazySettings

from hsi.checks import check_private
from hsi.config import private_files

pytestmark = pytest.mark.one_engine


@pytest.fixture
def data(settings: LazySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder as it was made with the usual umask."""
    folder = tmp_path / "data"
    for name in ("cameras/door", "thumbnails/door/ab", "quarantine", "static", "someones"):
        (folder / name).mkdir(parents=True)
    for name in ("hsi.sqlite3", "hsi.sqlite3-wal", "hsi.sqlite3-shm", "secret_key", "cameras/door/a.jpg",
                 "thumbnails/door/ab/a.jpg", "quarantine/a.jpg", "static/a.css", "someones/a"):  # fmt: skip
        (folder / name).write_text("x")
        (folder / name).chmod(0o644)
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
    settings.DATA_DIR, settings.CAMERA_ROOT = folder, folder / "cameras"
    database_at(folder / "hsi.sqlite3", settings, monkeypatch)
    settings.LOG_FILE_PATH = ""
    return folder


def database_at(path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", str(path))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_to_others(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if mode(path) & 0o077}


def test_a_process_makes_files_that_nobody_else_may_read(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        private_files.restrict_umask()
        (tmp_path / "made").write_text("x")
        (tmp_path / "folder").mkdir()
    finally:
        os.umask(before)
    assert (mode(tmp_path / "made"), mode(tmp_path / "folder")) == (0o600, 0o700)


def test_what_was_open_is_closed_and_the_camera_folder_is_left_as_it_is(data: Path) -> None:
    result = private_files.tighten()
    assert result.left == []
    assert open_to_others(data) == {"cameras", "cameras/door", "cameras/door/a.jpg", "someones", "someones/a"}
    # An FTP server with a user of its own still comes through, and cannot list what lies there.
    assert mode(data) == 0o711
    assert private_files.tighten().closed == 0


def test_where_the_camera_folder_is_for_one_user_or_elsewhere_nobody_else_comes_through(
    data: Path, settings: LazySettings
) -> None:
    (data / "cameras").chmod(0o700)
    private_files.tighten()
    assert mode(data) == 0o700
    data.chmod(0o777)
    (data / "cameras").chmod(0o775)
    settings.CAMERA_ROOT = data.parent / "elsewhere"
    private_files.tighten()
    assert (mode(data), mode(data / "cameras")) == (0o700, 0o775)


def test_a_folder_that_was_closed_on_purpose_is_not_opened(data: Path) -> None:
    data.chmod(0o700)
    private_files.tighten()
    assert mode(data) == 0o700


def test_links_are_not_followed_and_second_names_are_left_and_told(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    theirs = data.parent / "theirs"
    (theirs / "folder").mkdir(parents=True)
    for name in ("one", "two", "folder/three"):
        (theirs / name).write_text("x")
        (theirs / name).chmod(0o644)
    (theirs / "folder").chmod(0o755)
    (data / "link").symlink_to(theirs / "one")
    (data / "models").symlink_to(theirs / "folder")
    (data / "thumbnails/door/link").symlink_to(theirs / "folder")
    (data / "second").hardlink_to(theirs / "two")
    os.mkfifo(data / "pipe", 0o666)
    result = private_files.tighten()
    assert [mode(theirs / name) for name in ("one", "two", "folder", "folder/three")] == [0o644, 0o644, 0o755, 0o644]
    assert result.left == [f"{data / 'second'} has a second name"]
    assert "1 files or folders stay accessible" in caplog.text


def test_a_database_and_a_log_elsewhere_are_closed_and_their_folders_are_not(
    data: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = data.parent / "var"
    place.mkdir(mode=0o755)
    for name in ("hsi.db", "hsi.db-wal", "hsi.log", "hsi.log.1", "other.log"):
        (place / name).write_text("x")
        (place / name).chmod(0o644)
    place.chmod(0o755)
    database_at(place / "hsi.db", settings, monkeypatch)
    settings.LOG_FILE_PATH = str(place / "hsi.log")
    private_files.tighten()
    assert open_to_others(place) == {"other.log"}
    assert mode(place) == 0o755


def test_a_start_takes_a_bounded_time_and_folders_come_first(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_files, "LONGEST_SECONDS", -1.0)
    private_files.tighten()
    assert mode(data) == 0o711
    assert mode(data / "hsi.sqlite3") == 0o600


def test_the_check_reports_what_is_open_and_what_belongs_to_another_user(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "hsi.sqlite3-wal").unlink()
    assert [one.id for one in check_private(None)] == ["hsi.W020"] * 4
    private_files.tighten()
    assert check_private(None) == []
    (data / "secret_key").chmod(0o640)
    (found,) = check_private(None)
    assert f"chmod go= {data / 'secret_key'}" in str(found.hint)
    (data / "secret_key").chmod(0o600)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert {one.id for one in check_private(None)} == {"hsi.W021"}
    assert len(check_private(None)) == 4


def test_to_tighten_leaves_the_locks_of_a_database_in_use_as_they_are(data: Path):
    """POSIX locks of a process end when it closes any descriptor of the file."""
    path = data / "static" / "locked.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("CREATE TABLE one (number)")
        path.chmod(0o644)
        holder.execute("BEGIN EXCLUSIVE")
        private_files.tighten()
        assert path.stat().st_mode & 0o777 == 0o600
        other = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('INSERT INTO one VALUES (1)')"
        done = subprocess.run([sys.executable, "-c", other, str(path)], capture_output=True, text=True, check=False)
        assert "database is locked" in done.stderr
