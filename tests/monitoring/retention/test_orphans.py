from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured

from cameras.models import Upload
from monitoring.retention import orphans
from monitoring.retention.orphans import DATED
from tests import factories, files
from tests.monitoring.metrics import recordings
from tests.monitoring.metrics.recordings import NOW, days_ago

pytestmark = pytest.mark.django_db

NOW_NS = int(NOW.timestamp()) * 10**9
HOUR_NS = 3600 * 10**9
DAY_NS = 24 * HOUR_NS


@pytest.fixture(autouse=True)
def folders(data_dir: Path) -> None:
    """An empty data folder."""


def sweep() -> list[int]:
    return list(orphans.sweep(NOW_NS))


def stray(path: str, age_ns: int = 2 * HOUR_NS) -> Path:
    return recordings.put(configured.DATA_DIR / path, NOW_NS - age_ns)


def test_small_pictures_and_refused_files_without_a_row_go_and_those_with_one_stay():
    camera = factories.camera()
    for days in range(3):
        recordings.picture(camera, days_ago(days + 1))
        recordings.refused(camera, days_ago(days + 1))
    before = recordings.files()
    stray(f"thumbnails/{camera.pk}/ab/{'ab' * 16}.jpg")
    stray(f"thumbnails/{camera.pk}/ab/{'ab' * 16}.4711.tmp")
    stray("thumbnails/nocamera/Thumbs.db")
    stray(f"quarantine/{camera.pk}/{'cd' * 8}-x.jpg")
    stray(f"quarantine/{camera.pk}/.0123456789abcdef.part")
    assert sum(sweep()) == 5
    assert recordings.files() == before == recordings.files_of_rows()


def test_a_file_of_another_camera_under_a_name_that_a_row_has_goes():
    upload = recordings.picture(factories.camera(), days_ago(1))
    copy = stray(f"thumbnails/other/{upload.version_key[:2]}/{upload.version_key[:32]}.jpg")
    assert sum(sweep()) == 1
    assert not copy.exists()
    assert (configured.DATA_DIR / upload.thumbnail).exists()


def test_a_file_younger_than_an_hour_is_left_alone_for_its_row_may_come():
    young = stray("thumbnails/door/ab/abab.jpg", age_ns=HOUR_NS // 2)
    assert sum(sweep()) == 0
    assert young.exists()


def test_an_original_without_a_row_is_no_orphan():
    original = recordings.put(configured.CAMERA_ROOT / "door/snap/a.jpg", NOW_NS - 90 * DAY_NS)
    assert sum(sweep()) == 0
    assert original.exists()


def test_a_row_whose_file_is_gone_says_so_and_no_more_when_it_is_back():
    camera = factories.camera()
    upload, other = recordings.picture(camera, days_ago(1)), recordings.picture(camera, days_ago(1))
    place = configured.CAMERA_ROOT / upload.path
    place.rename(place.with_suffix(".away"))
    sweep()
    assert list(Upload.objects.filter(file_gone=True)) == [upload]
    place.with_suffix(".away").rename(place)
    sweep()
    assert not Upload.objects.filter(file_gone=True).exists()
    assert {upload, other} == set(Upload.objects.all())


def test_an_overwritten_file_is_gone_for_the_row_of_what_it_was():
    upload = recordings.picture(factories.camera(), days_ago(1))
    (configured.CAMERA_ROOT / upload.path).write_bytes(files.jpeg())
    sweep()
    assert Upload.objects.get().file_gone


def test_a_picture_copied_back_with_another_time_is_there():
    upload = recordings.picture(factories.camera(), days_ago(1))
    os.utime(configured.CAMERA_ROOT / upload.path)
    sweep()
    assert not Upload.objects.get().file_gone


def test_a_refused_file_lies_in_quarantine_and_is_not_gone():
    upload = recordings.refused(factories.camera(), days_ago(1))
    sweep()
    assert not Upload.objects.get().file_gone
    (configured.DATA_DIR / upload.quarantine).unlink()
    sweep()
    assert Upload.objects.get().file_gone


def test_a_share_that_is_away_says_nothing_about_its_files(settings: Any):
    upload = recordings.picture(factories.camera(), days_ago(1))
    folder = configured.CAMERA_ROOT / upload.path.partition("/")[0]
    folder.rename(configured.DATA_DIR / "elsewhere")
    sweep()
    settings.CAMERA_ROOT = settings.CAMERA_ROOT / "not mounted"
    sweep()
    assert not Upload.objects.get().file_gone


def test_a_row_names_no_small_picture_that_is_not_there():
    camera = factories.camera()
    lost, there = recordings.picture(camera, days_ago(1)), recordings.picture(camera, days_ago(1))
    (configured.DATA_DIR / lost.thumbnail).unlink()
    sweep()
    assert dict(Upload.objects.values_list("pk", "thumbnail")) == {lost.pk: "", there.pk: there.thumbnail}


def test_a_sweep_goes_piece_by_piece(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(orphans, "FILES", 2)
    monkeypatch.setattr(orphans, "ROWS", 2)
    camera = factories.camera()
    gone = [recordings.picture(camera, days_ago(1)) for _ in range(5)]
    for upload in gone:
        (configured.CAMERA_ROOT / upload.path).unlink()
    for number in range(5):
        stray(f"thumbnails/{camera.pk}/ab/{number}.jpg")
    assert [turn for turn in sweep() if turn > 2] == []
    assert Upload.objects.filter(file_gone=True).count() == 5
    assert len(recordings.files()) == 5


def empty_folder(path: str, age_ns: int = 2 * DAY_NS) -> Path:
    folder = configured.CAMERA_ROOT / path
    folder.mkdir(parents=True)
    age(folder, age_ns)
    return folder


def age(folder: Path, age_ns: int) -> None:
    while folder != configured.CAMERA_ROOT:
        os.utime(folder, ns=(NOW_NS - age_ns, NOW_NS - age_ns))
        folder = folder.parent


def test_empty_folders_of_past_days_go_with_those_within_them():
    empty_folder("door/2026-02-01/001/jpg")
    empty_folder("door/2026-02-01/002")
    assert sum(sweep()) == 4
    assert list((configured.CAMERA_ROOT / "door").iterdir()) == []


@pytest.mark.parametrize(
    "path", ["door", "door/snap", "20260201", "door/record/front", "door/1920x1080", "door/20260229a"]
)
def test_a_folder_that_is_a_camera_s_or_bears_no_date_stays(path: str):
    folder = empty_folder(path)
    sweep()
    assert folder.is_dir()


def test_a_young_empty_folder_and_one_with_a_file_in_it_stay():
    young = empty_folder("door/20260301", age_ns=HOUR_NS)
    used = empty_folder("yard/20260201")
    recordings.put(used / "a.jpg", NOW_NS - 3 * DAY_NS)
    age(used, 2 * DAY_NS)
    sweep()
    assert young.is_dir()
    assert used.is_dir()


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path):
    outside = tmp_path / "outside" / "20260201"
    outside.mkdir(parents=True)
    os.utime(outside, ns=(0, 0))
    (configured.CAMERA_ROOT / "door").mkdir()
    (configured.CAMERA_ROOT / "door" / "2026").symlink_to(outside.parent)
    sweep()
    assert outside.is_dir()


@pytest.mark.parametrize(
    ("path", "is_dated"),
    [
        ("2026/03/01", True), ("20260301", True), ("2026-03-01/001/jpg/12", True), ("rec_20260301", True),
        ("2026_03", True), ("2026.03.01", True), ("snap", False), ("2048x1536", False), ("12062026", False),
        ("camera2026", False), ("2026/13", True), ("20261301", False),
    ],
)  # fmt: skip
def test_what_counts_as_a_date(path: str, is_dated: bool):
    assert (DATED.search(path) is not None) is is_dated


def test_a_swept_system_stays_as_it_is():
    camera = factories.camera()
    recordings.event(camera, days_ago(1))
    recordings.refused(camera, days_ago(1) - timedelta(hours=1))
    before = (recordings.files(), list(Upload.objects.values_list("pk", "file_gone", "thumbnail")))
    assert sum(sweep()) == 0
    assert (recordings.files(), list(Upload.objects.values_list("pk", "file_gone", "thumbnail"))) == before
