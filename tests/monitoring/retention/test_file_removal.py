"""Files on their way out: what intake sees of them, and what becomes of those that cannot be deleted."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.utils import timezone

from cameras.files.tree import Tree
from cameras.intake.accept import IntakeResult, accept_file
from cameras.intake.scanner import without_row
from cameras.models import Garbage, Upload, version_key
from monitoring.retention import file_removal, removal
from monitoring.retention.units import FIELDS, StoredFile
from tests import factories, files
from tests.monitoring.metrics import recordings
from tests.monitoring.metrics.recordings import SIZE, days_ago

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_free_space_limit")]


def thrown_away(content: bytes = b"") -> tuple[str, Path]:
    """A picture whose row is gone and whose file is still there."""
    upload = recordings.picture(factories.camera(), days_ago(31))
    path = configured.CAMERA_ROOT / upload.path
    if content:
        path.write_bytes(content)
        status = path.stat()
        upload.size, upload.mtime_ns = status.st_size, status.st_mtime_ns
    upload.version_key = version_key(upload.path, upload.size, upload.mtime_ns)
    upload.save()
    removal._to_garbage([piece_of(upload)])
    upload.delete()
    return upload.path, path


def piece_of(upload: Upload) -> StoredFile:
    return StoredFile(*Upload.objects.values_list(*FIELDS).get(pk=upload.pk))


def test_a_scan_does_not_take_garbage_for_a_new_file():
    thrown_away()
    assert list(without_row(Tree(configured.CAMERA_ROOT).walk())) == []


def test_intake_does_not_take_garbage_for_a_new_file():
    path, _ = thrown_away(files.jpeg(1))
    assert accept_file(Tree(configured.CAMERA_ROOT), path, final=True) is IntakeResult.KNOWN
    assert not Upload.objects.exists()


def test_the_same_name_written_anew_is_a_new_file():
    path, place = thrown_away(files.jpeg(1))
    place.write_bytes(files.jpeg(2))
    assert [entry.path for entry in without_row(Tree(configured.CAMERA_ROOT).walk())] == [path]
    assert accept_file(Tree(configured.CAMERA_ROOT), path, final=True) is IntakeResult.ACCEPTED
    file_removal.clear()
    assert place.read_bytes() == files.jpeg(2)


def test_a_file_that_was_deleted_while_it_was_read_is_not_taken_in(monkeypatch: pytest.MonkeyPatch):
    path, place = thrown_away(files.jpeg(1))
    Garbage.objects.all().delete()
    listed = os.fstat

    def deleted_meanwhile(descriptor: int) -> os.stat_result:
        status = listed(descriptor)
        place.unlink(missing_ok=True)
        return status

    monkeypatch.setattr("cameras.intake.accept.os.fstat", deleted_meanwhile)
    assert accept_file(Tree(configured.CAMERA_ROOT), path, final=True) is IntakeResult.INCOMPLETE
    assert not Upload.objects.exists()


def test_a_file_that_cannot_be_deleted_is_tried_again_ever_more_seldom():
    path, place = thrown_away()
    place.unlink()
    place.parent.rename(place.parent.with_suffix(".kept"))
    place.parent.write_text("a file where the folder was: not ours any more")
    other, lasting = thrown_away()
    lasting.parent.parent.rename(configured.CAMERA_ROOT / "away")
    now = timezone.now()
    delays = []
    for _ in range(4):
        file_removal.clear(now)
        row = Garbage.objects.get(root=Garbage.Root.CAMERAS)
        assert row.path == other != path
        delays.append(row.due_at - now)
        now = row.due_at
    assert delays == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4), timedelta(minutes=8)]
    (configured.CAMERA_ROOT / "away").rename(lasting.parent.parent)
    assert file_removal.clear(now) == 1
    assert not lasting.exists()


def test_a_folder_that_never_comes_back_is_given_up():
    _, place = thrown_away()
    place.parent.parent.rename(configured.CAMERA_ROOT / "away")
    now = timezone.now()
    for _ in range(20):
        file_removal.clear(now)
        now += timedelta(days=1)
    assert not Garbage.objects.exists()


def test_when_many_files_cannot_be_deleted_nothing_more_is_removed_for_room(
    settings: Any, caplog: pytest.LogCaptureFixture
):
    settings.RETENTION_TOTAL_MAX_BYTES = SIZE
    camera = factories.camera()
    for days in (5, 4, 3):
        recordings.picture(camera, days_ago(days))
    late = timezone.now() + timedelta(hours=1)
    Garbage.objects.bulk_create(
        Garbage(root=Garbage.Root.CAMERAS, path=f"x/{number}", attempts=1, due_at=late)
        for number in range(file_removal.STUCK)
    )
    assert recordings.run() == []
    assert "cannot be deleted" in caplog.text
    Garbage.objects.filter(path="x/0").delete()
    assert len(recordings.run()) == 2
