from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from django.db import DataError, connection
from watchdog.observers.inotify import InotifyWatchGroup

from cameras.files import spool
from cameras.files.tree import Tree
from cameras.intake.accept import IntakeResult, accept_file
from cameras.intake.file_events import FileEvents
from cameras.intake.watcher import CameraRootMissingError, CameraWatcher
from cameras.models import Camera, IntakeProblem, Upload
from cameras.naming.http_paths import new_folder
from hsi.models import QueueJob, WorkerHeartbeat
from tests import factories, files
from tests.cameras.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quick(settings, data_dir, monkeypatch):
    """Short waits; a rescan only at the start, so that what is tested is what was notified."""
    settings.FILE_STABLE_SECONDS = 0.2
    settings.FILE_INCOMPLETE_SECONDS = 0.6
    settings.FILE_RESCAN_SECONDS = 3600
    monkeypatch.setattr("cameras.intake.watcher.STORE_PROBLEMS_SECONDS", 0.05)


@contextmanager
def watching() -> Iterator[CameraWatcher]:
    """A watcher in a thread of its own, ready to be told."""
    loop = CameraWatcher()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    until(lambda: loop._next_scan > 0)
    try:
        yield loop
    finally:
        loop.stop()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def has_stepped_since(loop: CameraWatcher, then: datetime) -> bool:
    return loop.progressed_at > then


def states() -> dict[str, str]:
    return dict(Upload.objects.values_list("path", "state"))


def test_a_closed_file_is_accepted_at_once(data_dir):
    with watching():
        folder = data_dir / "cameras" / "door"
        folder.mkdir()
        until(lambda: True)
        (folder / "a.jpg").write_bytes(files.jpeg())
        until(lambda: states() == {"door/a.jpg": "waiting"})
    assert QueueJob.objects.count() == 1


def test_a_file_renamed_into_place_is_accepted_but_never_under_its_temporary_name(data_dir):
    folder = data_dir / "cameras" / "door"
    folder.mkdir()
    with watching():
        (folder / "a.jpg.part").write_bytes(files.jpeg())
        (folder / "a.jpg.part").rename(folder / "a.jpg")
        until(lambda: bool(states()))
    assert states() == {"door/a.jpg": "waiting"}


def test_a_file_that_grows_is_never_taken_by_halves(data_dir):
    folder = data_dir / "cameras" / "door"
    folder.mkdir()
    data = files.jpeg(size=(1280, 720))
    with watching() as loop, (folder / "slow.jpg").open("wb", buffering=0) as file:
        for start in range(0, len(data), len(data) // 6):
            file.write(data[start : start + len(data) // 6])
            until(partial(has_stepped_since, loop, loop.progressed_at))
            assert states() == {}
        file.close()
        until(lambda: states() == {"door/slow.jpg": "waiting"})
    assert Upload.objects.get().size == len(data)


def test_what_was_there_before_the_start_is_found(data_dir):
    folder = data_dir / "cameras" / "door" / "2026" / "03"
    folder.mkdir(parents=True)
    for number in range(5):
        (folder / f"{number}.jpg").write_bytes(files.jpeg(number))
    with watching():
        until(lambda: len(states()) == 5)


def test_the_files_of_a_folder_that_is_moved_in_are_accepted(data_dir, tmp_path):
    outside = tmp_path / "outside" / "snap"
    outside.mkdir(parents=True)
    (outside / "a.jpg").write_bytes(files.jpeg())
    with watching():
        (tmp_path / "outside").rename(data_dir / "cameras" / "door")
        until(lambda: states() == {"door/snap/a.jpg": "waiting"})


def test_a_tree_of_new_folders_loses_nothing(data_dir):
    with watching():
        for number in range(20):
            folder = data_dir / "cameras" / f"cam{number % 4}" / f"2026-03-{number + 1:02}" / "001" / "jpg"
            folder.mkdir(parents=True)
            (folder / "a.jpg").write_bytes(files.jpeg(number))
        until(lambda: len(states()) == 20)


def test_a_cut_file_is_quarantined_after_a_while_and_one_that_is_completed_is_not(data_dir):
    folder = data_dir / "cameras" / "door"
    folder.mkdir()
    whole = files.jpeg(5)
    with watching():
        (folder / "cut.jpg").write_bytes(files.jpeg(1)[:-300])
        (folder / "resumed.jpg").write_bytes(whole[:-300])
        with (folder / "resumed.jpg").open("ab") as file:
            file.write(whole[-300:])
        (folder / "empty.mkv").touch()
        until(lambda: len(states()) == 3)
    assert states() == {"door/cut.jpg": "rejected", "door/resumed.jpg": "waiting", "door/empty.mkv": "rejected"}


def test_a_file_that_vanishes_is_no_failure(data_dir):
    folder = data_dir / "cameras" / "door"
    folder.mkdir()
    with watching() as loop:
        for number in range(20):
            (folder / f"{number}.jpg").write_bytes(b"x")
            (folder / f"{number}.jpg").unlink(missing_ok=True)  # refused and moved away already, where we are slow
        (folder / "stays.jpg").write_bytes(files.jpeg())
        until(lambda: states().get("door/stays.jpg") == "waiting")
        assert not loop.stopping
    # One that was quicker than its end was seen, and refused for what it held.
    assert {state for path, state in states().items() if path != "door/stays.jpg"} <= {"rejected"}


def test_polling_finds_files_without_events(settings, data_dir):
    settings.FILE_WATCHER_POLLING = True
    settings.FILE_WATCHER_POLL_SECONDS = 0.2
    with watching():
        folder = data_dir / "cameras" / "door"
        folder.mkdir()
        (folder / "a.jpg").write_bytes(files.jpeg())
        until(lambda: states() == {"door/a.jpg": "waiting"})


def test_a_missing_configured_root_is_an_error_with_a_remedy(settings, tmp_path):
    settings.CAMERA_ROOT = tmp_path / "absent"
    settings.FOSCAM_BASE_PATH = str(settings.CAMERA_ROOT)
    with pytest.raises(CameraRootMissingError, match="FOSCAM_BASE_PATH"):
        CameraWatcher().run(once=True)
    assert WorkerHeartbeat.objects.get().state == "failing"


def test_a_root_that_disappears_and_comes_back_is_watched_again(settings, data_dir):
    settings.FILE_RESCAN_SECONDS = 0.3
    root: Path = data_dir / "cameras"
    with watching():
        root.rename(data_dir / "away")
        until(lambda: WorkerHeartbeat.objects.get().state == "failing")
        (data_dir / "away").rename(root)
        (root / "door").mkdir()
        (root / "door" / "a.jpg").write_bytes(files.jpeg())
        until(lambda: states() == {"door/a.jpg": "waiting"})


def test_two_watchers_on_one_folder_create_one_row_per_file(data_dir):
    folder = data_dir / "cameras" / "door"
    folder.mkdir()
    with watching(), watching():
        for number in range(30):
            (folder / f"{number}.jpg").write_bytes(files.jpeg(number))
        until(lambda: len(states()) == 30)
    assert Upload.objects.count() == 30
    assert QueueJob.objects.count() == 30


def test_a_scan_does_not_accept_known_files_again(data_dir):
    folder = data_dir / "cameras" / "door"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(files.jpeg())
    CameraWatcher().run(drain=True)
    loop = CameraWatcher()
    loop.run(once=True)
    assert len(loop.tracker) == 0
    assert loop.done == 0


def test_a_paused_camera_costs_no_endless_work(data_dir):
    factories.camera("door", enabled=False)
    folder = data_dir / "cameras" / "door"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(files.jpeg())
    CameraWatcher().run(drain=True)
    assert not Upload.objects.exists()


def test_names_that_are_no_text_are_watched_too(data_dir):
    folder = data_dir / "cameras" / "door"
    folder.mkdir()
    with watching():
        Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9\n.jpg")).write_bytes(files.jpeg())
        until(lambda: len(states()) == 1)
    assert states() == {"door/caf\\xe9\n.jpg": "waiting"}
    connection.close()


def test_a_file_moved_in_from_outside_is_accepted_without_a_scan(data_dir, tmp_path, settings):
    settings.FILE_INCOMPLETE_SECONDS = 3600
    (tmp_path / "a.jpg").write_bytes(files.jpeg())
    folder = data_dir / "cameras" / "door"
    folder.mkdir()
    with watching():
        (tmp_path / "a.jpg").rename(folder / "moved.jpg")
        until(lambda: states() == {"door/moved.jpg": "waiting"})


def test_a_file_renamed_by_linking_is_accepted_and_one_with_two_names_is_rejected(data_dir, tmp_path, settings):
    settings.FILE_STABLE_SECONDS, settings.FILE_INCOMPLETE_SECONDS = 0.2, 1
    folder = data_dir / "cameras" / "door"
    folder.mkdir()
    with watching():
        for name in ("renamed", "kept"):
            (tmp_path / name).write_bytes(files.jpeg(len(name)))
            (folder / f"{name}.jpg").hardlink_to(tmp_path / name)
        (tmp_path / "renamed").unlink()
        until(lambda: states() == {"door/renamed.jpg": "waiting", "door/kept.jpg": "rejected"})
    assert (folder / "kept.jpg").exists()


def test_after_dropped_events_a_scan_finds_the_written_files(data_dir, monkeypatch):
    with watching():
        monkeypatch.setattr(FileEvents, "_put", lambda *dropped: None)
        (data_dir / "cameras" / "door").mkdir()
        (data_dir / "cameras" / "door" / "a.jpg").write_bytes(files.jpeg())
        InotifyWatchGroup.on_queue_overflow(MagicMock())  # as the observer does
        until(lambda: states() == {"door/a.jpg": "waiting"})


def test_a_file_whose_end_was_among_dropped_events_is_accepted_soon(data_dir, settings, monkeypatch):
    settings.FILE_INCOMPLETE_SECONDS = 3600
    path = data_dir / "cameras" / "door" / "a.jpg"
    path.parent.mkdir()
    with watching() as loop:
        with path.open("wb", buffering=0) as file:
            file.write(files.jpeg())
            until(lambda: [pending.mode.name for pending in loop.tracker._pending.values()] == ["WRITING"])
            monkeypatch.setattr(FileEvents, "_put", lambda *dropped: None)
        InotifyWatchGroup.on_queue_overflow(MagicMock())
        until(lambda: states() == {"door/a.jpg": "waiting"})


def problems() -> dict[tuple[str, str], int]:
    return {(row.folder, row.kind): row.count for row in IntakeProblem.objects.all()}


def test_files_of_unknown_kinds_wait_where_they_are_until_they_are_renamed(data_dir):
    folder = data_dir / "cameras" / "door"
    folder.mkdir()
    with watching() as loop:
        for name in ("1.jpg.1b2c.partial", "2.jpg_", "3.jpg~", "4.upload", "5"):
            (folder / name).write_bytes(files.jpeg())
        until(lambda: problems() == {("door", "unknown"): 5})
        assert states() == {}
        (folder / "2.jpg_").rename(folder / "2.jpg")
        until(lambda: states() == {"door/2.jpg": "waiting"})
        loop._next_scan = 0.0
        loop.wake()
        until(lambda: problems() == {("door", "unknown"): 4})
    assert len(list(folder.iterdir())) == 5


def test_files_of_a_nas_are_ignored_by_events_and_scans_alike(data_dir):
    root = data_dir / "cameras"
    (root / "#recycle" / "door").mkdir(parents=True)
    (root / "#recycle" / "door" / "1.jpg").write_bytes(files.jpeg(1))
    with watching():
        (root / "door" / "@eaDir").mkdir(parents=True)
        (root / "door" / "@eaDir" / "2.jpg").write_bytes(files.jpeg(2))
        (root / "door" / ".hidden").mkdir()
        (root / "door" / ".hidden" / "3.jpg").write_bytes(files.jpeg(3))
        (root / "door" / "4.jpg").write_bytes(files.jpeg(4))
        until(lambda: bool(states()))
    CameraWatcher().run(drain=True)
    assert states() == {"door/4.jpg": "waiting"}


@pytest.mark.parametrize("when", ["before", "after"])
def test_too_deep_folders_are_skipped_and_reported_by_events_and_scans_alike(data_dir, when):
    deep = data_dir / "cameras" / "door" / "/".join(["d"] * 12)
    deep.mkdir(parents=True)
    if when == "before":
        (deep / "1.jpg").write_bytes(files.jpeg())
    with watching():
        if when == "after":
            (deep / "1.jpg").write_bytes(files.jpeg())
        (data_dir / "cameras" / "door" / "2.jpg").write_bytes(files.jpeg(2))
        until(lambda: bool(states()) and problems() == {("door", "too_deep"): 1})
    assert states() == {"door/2.jpg": "waiting"}


def fails(path: str, error: Exception) -> Callable[..., IntakeResult]:
    """Intake, save that it fails for the file at `path`."""

    def take_in_or_fail(tree: Tree, of: str, **how: bool) -> IntakeResult:
        if of == path:
            raise error
        return accept_file(tree, of, **how)

    return take_in_or_fail


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (PermissionError(13, "Permission denied"), "unreadable_file"),
        (OSError(5, "Input/output error"), "failing"),
        (DataError("out of range"), "failing"),
        (KeyError("NewFault"), "failing"),
    ],
)
def test_what_goes_wrong_with_one_file_is_its_own_state_and_stops_no_other(data_dir, monkeypatch, caplog, error, kind):
    folder = data_dir / "cameras" / "door"
    folder.mkdir()
    monkeypatch.setattr("cameras.intake.watcher.accept_file", fails("door/1.jpg", error))
    with watching() as loop:
        for number in range(1, 6):
            (folder / f"{number}.jpg").write_bytes(files.jpeg(number))
        until(lambda: len(states()) == 4 and problems() == {("door", kind): 1})
        assert WorkerHeartbeat.objects.get().state == "running"
        monkeypatch.setattr("cameras.intake.watcher.accept_file", accept_file)
        (folder / "1.jpg").chmod(0o640)  # something has changed: it is tried at once
        loop.wake()
        until(lambda: len(states()) == 5 and problems() == {})


def test_an_unreadable_file_does_not_stop_the_others(data_dir, monkeypatch):
    stamp = Tree.stamp

    def stamp_or_fail(tree: Tree, path: str) -> tuple[int, int] | None:
        if path == "door/1.jpg":
            raise OSError(116, "Stale file handle")
        return stamp(tree, path)

    folder = data_dir / "cameras" / "door"
    folder.mkdir()
    for number in range(1, 4):
        (folder / f"{number}.jpg").write_bytes(files.jpeg(number))
    monkeypatch.setattr(Tree, "stamp", stamp_or_fail)
    with watching():
        until(lambda: states() == {"door/2.jpg": "waiting", "door/3.jpg": "waiting"})


def test_a_replaced_root_is_watched_again(data_dir, monkeypatch):
    monkeypatch.setattr("cameras.intake.polling_fallback.CHECK_SECONDS", 0.1)
    root: Path = data_dir / "cameras"
    with watching() as loop:
        root.rename(data_dir / "old")
        (root / "door").mkdir(parents=True)
        until(lambda: not loop._has_scanned or root.stat().st_ino == loop.fallback._identities.get("", (0, 0))[1])
        until(lambda: loop._has_scanned)
        (root / "door" / "1.jpg").write_bytes(files.jpeg())
        until(lambda: states() == {"door/1.jpg": "waiting"})
    assert not IntakeProblem.objects.exists()


def test_files_without_events_are_found_reported_and_polled(data_dir, monkeypatch, settings):
    settings.FILE_WATCHER_POLL_SECONDS = 0.2
    folder = data_dir / "cameras" / "door"
    folder.mkdir()
    with watching() as loop:
        until(lambda: loop._has_scanned)
        monkeypatch.setattr(FileEvents, "_put", lambda *dropped: None)
        (folder / "1.jpg").write_bytes(files.jpeg(1))
        loop._next_scan = 0.0
        loop.wake()
        until(lambda: problems() == {("door", "missed"): 1})
        (folder / "2.jpg").write_bytes(files.jpeg(2))  # the next full scan is an hour away
        until(lambda: len(states()) == 2)


def test_a_paused_camera_s_files_are_not_taken_for_missed_ones(data_dir):
    factories.camera("door", enabled=False)
    folder = data_dir / "cameras" / "door"
    folder.mkdir()
    with watching() as loop:
        (folder / "1.jpg").write_bytes(files.jpeg(1))
        for _ in range(2):
            until(lambda: loop._has_scanned and len(loop.tracker) == 0 and not loop.file_events.has_pending)
            loop._next_scan = 0.0
            loop.wake()
            until(lambda: loop._next_scan > 0)
        until(lambda: "door" in loop._folders_with_leftovers and len(loop.tracker) == 0)
        Camera.objects.update(enabled=True)
        loop._next_scan = 0.0
        loop.wake()
        until(lambda: states() == {"door/1.jpg": "waiting"})
        assert not loop.problems.has(IntakeProblem.Kind.MISSED, "door/1.jpg")


def test_a_live_clip_that_is_written_in_parts_is_accepted_once_and_complete(data_dir, tmp_path):
    whole = files.mp4(tmp_path / "live.mkv", live=True).read_bytes()
    folder = data_dir / "cameras" / "door"
    folder.mkdir()
    with watching():
        for start in range(0, len(whole), len(whole) // 3):
            with (folder / "live.mkv").open("ab") as file:
                file.write(whole[start : start + len(whole) // 3])
        (folder / "live.mkv.tmp").write_bytes(whole)
        (folder / "live.mkv.tmp").rename(folder / "placed.mkv")
        until(lambda: "door/live.mkv" in states())
    assert {upload.size for upload in Upload.objects.all()} == {len(whole)}


def test_a_full_spool_pauses_and_reports_intake_until_there_is_room(data_dir, settings):
    settings.SPOOL_MAX_BYTES = len(files.jpeg()) * 8
    camera = factories.camera("door")
    waits = factories.upload(camera, state="waiting", size=len(files.jpeg()) * 8, spool="spool/" + "0" * 32)
    folder = data_dir / "cameras" / "door"
    folder.mkdir()
    with watching() as loop:
        (folder / "snap.jpg").write_bytes(files.jpeg())
        until(lambda: {("", "spool_full"), ("door", "spool_full")} <= problems().keys())
        assert "door/snap.jpg" not in states()
        spool.release(waits)
        loop.wake()
        until(lambda: states().get("door/snap.jpg") == "waiting" and problems() == {})


def test_a_file_of_a_request_that_the_watcher_takes_first_is_known_by_that_request(data_dir):
    folder = data_dir / "cameras" / new_folder("door", "20260301", "req-4711")
    folder.mkdir(parents=True)
    (folder / "a.jpg").write_bytes(files.jpeg())
    CameraWatcher().run(drain=True)
    assert QueueJob.objects.get().trace == "req-4711"
