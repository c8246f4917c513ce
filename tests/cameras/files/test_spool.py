"""Copies of accepted files, from intake until they are analysed."""

from __future__ import annotations

import errno
import fcntl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cameras.files import spool
from cameras.files.originals import open_original
from cameras.files.tree import Tree
from cameras.intake import spooling
from cameras.intake.accept import IntakeResult, accept_file
from cameras.models import Camera, Upload
from tests import factories, files

pytestmark = pytest.mark.django_db


def take(root: Path, path: str, data: bytes) -> Upload:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    assert accept_file(Tree(root), path, final=True) is IntakeResult.ACCEPTED
    return Upload.objects.order_by("-id")[0]


def copies() -> list[Path]:
    from django.conf import settings

    return sorted((settings.DATA_DIR / "spool").glob("*"))


def content(upload: Upload) -> bytes:
    with open_original(upload) as file:
        return file.read()


def late() -> None:
    """The newest upload has waited for long."""
    Upload.objects.update(received_at=datetime.now(UTC) - timedelta(seconds=5))
    spooling.backlog.forget()


def test_every_picture_under_one_name_is_there_until_it_is_analysed(root: Path):
    uploads = [take(root, "door/snap.jpg", files.jpeg(number)) for number in range(4)]
    assert [content(upload) for upload in uploads] == [files.jpeg(number) for number in range(4)]
    assert len(copies()) == 4
    for upload in uploads:
        upload.finish(Upload.State.EMPTY)
        spool.release(upload)
    assert copies() == []
    assert not Upload.objects.exclude(spool="").exists()


def test_a_camera_that_overwrites_a_numbered_file_is_known_for_it_from_then_on(root: Path, monkeypatch: Any):
    monkeypatch.setattr(spooling.backlog, "is_late", lambda: False)
    assert not take(root, "door/cam1.jpg", files.jpeg(1)).spool
    assert take(root, "door/cam1.jpg", files.jpeg(2)).spool
    assert Camera.objects.get().reuses_names
    spooling.recent_paths.forget()  # as another process
    assert take(root, "door/cam2.jpg", files.jpeg(3)).spool
    assert not take(root, "yard/2.jpg", files.jpeg(4)).spool


def test_what_arrives_while_work_waits_is_copied_at_once(root: Path):
    take(root, "door/1.jpg", files.jpeg(1))
    late()
    assert take(root, "door/2.jpg", files.jpeg(2)).spool


def test_what_has_waited_for_a_second_is_copied(root: Path, monkeypatch: Any):
    monkeypatch.setattr(spooling.backlog, "is_late", lambda: False)
    upload = take(root, "door/1.jpg", files.jpeg(1))
    overwritten = take(root, "door/2.jpg", files.jpeg(2))
    (root / "door/2.jpg").write_bytes(files.jpeg(3))
    monkeypatch.setattr(spooling.backlog, "is_late", lambda: True)
    securer = spooling.Spooler()
    securer.step(1.0)
    assert copies() == []  # they have not waited yet
    late()
    securer.step(2.0)
    upload.refresh_from_db()
    overwritten.refresh_from_db()
    assert [bool(upload.spool), bool(overwritten.spool)] == [True, False]
    (root / "door/1.jpg").unlink()
    assert content(upload) == files.jpeg(1)


def test_a_file_that_came_over_http_is_never_overwritten_and_not_copied(root: Path):
    assert not take(root, "door/http/20260301/01234567-abc/picture.jpg", files.jpeg()).spool


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY])
def test_where_blocks_cannot_be_shared_the_bytes_are_copied(root: Path, monkeypatch: Any, code: int):
    def refuse(target: int, request: int, source: int) -> None:
        raise OSError(code, "no")

    monkeypatch.setattr(fcntl, "ioctl", refuse)
    upload = take(root, "door/snap.jpg", files.jpeg())
    assert copies()[0].read_bytes() == files.jpeg()
    assert copies()[0].stat().st_ino != (root / "door/snap.jpg").stat().st_ino
    assert copies()[0].stat().st_mode & 0o077 == 0
    assert content(upload) == files.jpeg()


def test_where_blocks_can_be_shared_none_is_read(root: Path, monkeypatch: Any):
    shared = []

    def share(target: int, request: int, source: int) -> None:
        shared.append(request)
        Path(f"/proc/self/fd/{target}").write_bytes(files.jpeg())

    monkeypatch.setattr(fcntl, "ioctl", share)
    monkeypatch.setattr("cameras.files.spool.shutil.copyfileobj", lambda *_: pytest.fail("it was copied"))
    assert content(take(root, "door/snap.jpg", files.jpeg())) == files.jpeg()
    assert shared == [0x40049409]


@pytest.mark.parametrize("data", [files.jpeg()[:-400], b"no picture"])
def test_a_file_that_is_refused_leaves_no_copy(root: Path, data: bytes):
    (root / "door").mkdir()
    (root / "door/snap.jpg").write_bytes(data)
    assert accept_file(Tree(root), "door/snap.jpg", final=True) is IntakeResult.REJECTED
    assert copies() == []


def test_a_repeat_leaves_no_copy(root: Path):
    take(root, "door/snap.jpg", files.jpeg())
    (root / "door/again.jpg").write_bytes(files.jpeg())
    assert accept_file(Tree(root), "door/again.jpg", final=True) is IntakeResult.DUPLICATE
    assert len(copies()) == 1


def test_a_file_that_is_overwritten_while_it_is_copied_waits(root: Path, monkeypatch: Any):
    fill = spool._copy_content

    def fill_while_somebody_writes(source: Any, target: Any) -> None:
        fill(source, target)
        (root / "door/snap.jpg").write_bytes(files.jpeg(2) + b"more")

    monkeypatch.setattr(spool, "_copy_content", fill_while_somebody_writes)
    (root / "door").mkdir()
    (root / "door/snap.jpg").write_bytes(files.jpeg())
    assert accept_file(Tree(root), "door/snap.jpg", final=True) is IntakeResult.INCOMPLETE
    assert copies() == []


@pytest.fixture
def room_for_one(settings: Any) -> None:
    settings.SPOOL_MAX_BYTES = len(files.jpeg()) * 8
    spool.reset_usage()


def fill_up(camera: Camera, state: Upload.State) -> Upload:
    """A copy that takes nearly all the room."""
    return factories.upload(camera, state=state, size=len(files.jpeg()) * 8 - 1, spool="spool/" + "0" * 32)


def test_a_full_spool_leaves_new_files_in_their_folders_until_there_is_room(root: Path, room_for_one: None):
    waiting = fill_up(factories.camera("door"), Upload.State.WAITING)
    (root / "door").mkdir()
    (root / "door/snap.jpg").write_bytes(files.jpeg())
    with pytest.raises(spool.SpoolFullError):
        accept_file(Tree(root), "door/snap.jpg", final=True)
    assert copies() == []
    spool.release(waiting)
    spool.reset_usage()
    assert accept_file(Tree(root), "door/snap.jpg", final=True) is IntakeResult.ACCEPTED


def test_copies_of_failed_uploads_make_room(root: Path, room_for_one: None):
    failed = fill_up(factories.camera("door"), Upload.State.DEAD)
    assert take(root, "door/snap.jpg", files.jpeg()).spool
    failed.refresh_from_db()
    assert failed.spool == ""


def test_a_file_that_is_too_large_for_the_spool_is_accepted_without_a_copy(root: Path, settings: Any):
    settings.SPOOL_MAX_BYTES = 1000
    assert not take(root, "door/snap.jpg", files.jpeg()).spool
    settings.SPOOL_MAX_BYTES = 0
    assert not take(root, "door/snap.jpg", files.jpeg(2)).spool


def test_what_crashes_left_is_swept_and_what_is_in_use_is_not(root: Path, data_dir: Path):
    waits, done = (take(root, f"door/snap{letter}.jpg", files.jpeg(n)) for n, letter in enumerate("ab"))
    done.finish(Upload.State.DETECTED)
    (data_dir / "spool/stray").write_bytes(b"x")
    with (root / "door/snapa.jpg").open("rb") as source:
        held = spool.SpoolCopy(source, 1)
        assert spool.sweep() == 2
        assert {path.name for path in copies()} == {Path(waits.spool).name, Path(held.path).name}
        held.close()
    assert spool.sweep() == 1
    done.refresh_from_db()
    assert done.spool == ""


def test_a_copy_outlives_a_failing_database_until_the_sweep(root: Path, monkeypatch: Any):
    from django.db import OperationalError

    def fail(*messages: Any) -> None:
        raise OperationalError("away")

    (root / "door").mkdir()
    (root / "door/snap.jpg").write_bytes(files.jpeg())
    with monkeypatch.context() as away:
        away.setattr("hsi.outbox.publish.publish", fail)
        with pytest.raises(OperationalError):
            accept_file(Tree(root), "door/snap.jpg", final=True)
    assert len(copies()) == 1
    assert spool.sweep() == 1
