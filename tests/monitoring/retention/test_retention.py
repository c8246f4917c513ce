from __future__ import annotations

import shutil
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cameras.models import Garbage, Upload
from detection.models import Batch, Detection
from events.models import Event
from hsi.models import DeadLetter, StreamMessage
from hsi.queues import ANALYSIS_QUEUE, DETECTION_QUEUE
from monitoring.retention import removal, rules, units
from monitoring.retention import run as running
from tests import factories
from tests.monitoring.metrics import recordings
from tests.monitoring.metrics.recordings import NOW, SIZE, days_ago

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_free_space_limit")]


def test_an_event_goes_with_its_batch_its_detections_its_pictures_and_their_files():
    camera = factories.camera()
    recordings.event(camera, days_ago(31))
    fresh = recordings.event(camera, days_ago(29))
    recordings.run()
    assert list(Event.objects.all()) == [fresh]
    assert (Batch.objects.count(), Detection.objects.count(), Upload.objects.count()) == (1, 2, 2)
    assert len(recordings.files()) == 4
    recordings.assert_nothing_dangles()


def test_pictures_in_which_nothing_was_found_go_too():
    camera = factories.camera()
    recordings.picture(camera, days_ago(31))
    recordings.picture(camera, days_ago(31), state=Upload.State.DUPLICATE)
    recordings.picture(camera, days_ago(29))
    recordings.run()
    assert Upload.objects.count() == 1
    recordings.assert_nothing_dangles()


@pytest.mark.parametrize("because", [{"kept": True}, {"exported_at": NOW}])
def test_what_a_person_keeps_or_exports_stays_with_everything_that_belongs_to_it(because: dict[str, Any]):
    kept = recordings.event(factories.camera(), days_ago(400), **because)
    before = recordings.files()
    assert recordings.run() == []
    assert (Event.objects.get(), Upload.objects.count(), Detection.objects.count()) == (kept, 2, 2)
    assert recordings.files() == before


@pytest.mark.parametrize("state", [Batch.State.OPEN, Batch.State.CLOSED])
def test_a_batch_that_is_not_finished_stays_however_old(state: str):
    recordings.event(factories.camera(), days_ago(400), batch_state=state)
    assert recordings.run() == []
    assert Upload.objects.count() == 2


def test_an_event_that_still_waits_for_its_judgement_stays():
    recordings.event(factories.camera(), days_ago(400), analysis=Event.Analysis.PENDING)
    assert recordings.run() == []


def test_a_picture_that_was_not_looked_at_yet_stays_and_so_does_the_batch_it_belongs_to():
    camera = factories.camera()
    recordings.picture(camera, days_ago(400), state=Upload.State.WAITING, finished_at=None)
    event = recordings.event(camera, days_ago(400))
    again = event.batches.get().detections.first()
    assert again is not None
    Upload.objects.filter(pk=again.upload_id).update(state=Upload.State.WAITING, finished_at=None)
    assert recordings.run() == []
    assert Upload.objects.count() == 3


@pytest.mark.parametrize("because", [{"kept": True}, {"exported_at": NOW}])
def test_what_was_kept_or_exported_after_it_was_listed_stays(monkeypatch: pytest.MonkeyPatch, because: dict[str, Any]):
    event = recordings.event(factories.camera(), days_ago(31))
    listed = removal.remove

    def kept_meanwhile(units: list[units.DeletionUnit], reason: str) -> list[units.DeletionUnit]:
        Event.objects.update(**because)
        return listed(units, reason)

    monkeypatch.setattr(running, "remove", kept_meanwhile)
    assert recordings.run() == []
    assert Event.objects.get() == event


def test_an_archive_copied_in_today_is_not_removed_today():
    recordings.picture(factories.camera(), days_ago(31), captured_at=days_ago(900), received_at=days_ago(1))
    assert recordings.run() == []


def test_an_event_stays_until_its_last_picture_is_old_enough():
    camera = factories.camera()
    event = recordings.event(camera, days_ago(31))
    late = recordings.picture(camera, days_ago(31), received_at=days_ago(29), state=Upload.State.DETECTED)
    factories.detection(late, event.batches.get())
    assert recordings.run() == []
    assert recordings.run(NOW + timedelta(days=2)) != []
    recordings.assert_nothing_dangles()


def test_no_limit_by_age_keeps_everything(settings: Any):
    settings.RETENTION_DAYS = settings.RETENTION_REJECTED_DAYS = 0
    recordings.event(factories.camera(), days_ago(4000))
    recordings.refused(factories.camera(), days_ago(4000))
    assert recordings.run() == []


def test_refused_files_leave_the_quarantine_sooner():
    camera = factories.camera()
    recordings.refused(camera, days_ago(8))
    young = recordings.refused(camera, days_ago(6))
    recordings.picture(camera, days_ago(8))
    recordings.run()
    assert list(Upload.objects.filter(state=Upload.State.REJECTED)) == [young]
    assert Upload.objects.count() == 2
    recordings.assert_nothing_dangles()


def test_batches_and_events_whose_pictures_went_another_way_go_too():
    camera = factories.camera()
    gone = recordings.event(camera, days_ago(31)).batches.get()
    kept = recordings.event(camera, days_ago(31), kept=True)
    Upload.objects.all().delete()
    recordings.run()
    assert list(Event.objects.all()) == [kept]
    assert not Batch.objects.filter(pk=gone.pk).exists()


def test_each_event_that_went_is_told_once():
    camera = factories.camera()
    events = [recordings.event(camera, days_ago(40 - number)).pk for number in range(3)]
    recordings.run()
    told = [(message.camera, message.data["id"]) for message in StreamMessage.objects.filter(type="event.deleted")]
    assert told == [(camera.pk, event) for event in events]


def test_dead_letters_of_what_is_no_more_are_put_away_and_others_stay_open():
    camera = factories.camera()
    dead = recordings.picture(camera, days_ago(31), state=Upload.State.DEAD)
    young = recordings.picture(camera, days_ago(3), state=Upload.State.DEAD)
    batch = recordings.event(camera, days_ago(31), batch_state=Batch.State.DEAD).batches.get().pk
    for queue, row in ((DETECTION_QUEUE, dead.pk), (DETECTION_QUEUE, young.pk), (ANALYSIS_QUEUE, batch)):
        DeadLetter.objects.create(
            queue=queue, row_id=row, reason="refused", error_type="X", first_failed_at=NOW, last_failed_at=NOW
        )
    recordings.run()
    assert list(DeadLetter.objects.filter(state=DeadLetter.State.OPEN).values_list("row_id", flat=True)) == [young.pk]


def test_a_camera_above_its_size_loses_its_oldest_and_no_other_camera_does(settings: Any):
    settings.RETENTION_CAMERA_MAX_BYTES = 3 * SIZE
    full, other = factories.camera(), factories.camera()
    for days in (9, 8, 7, 6, 5):
        recordings.picture(full, days_ago(days))
    for days in (20, 19, 18):
        recordings.picture(other, days_ago(days))
    recordings.run()
    assert sorted(full.uploads.values_list("captured_at", flat=True)) == [days_ago(7), days_ago(6), days_ago(5)]
    assert other.uploads.count() == 3
    recordings.assert_nothing_dangles()


@pytest.mark.parametrize("limit", ["RETENTION_DAYS", "RETENTION_CAMERA_MAX_BYTES", "RETENTION_TOTAL_MAX_BYTES"])
def test_a_limit_that_is_taken_away_in_the_middle_of_a_run_lets_nothing_more_go(
    settings: Any, monkeypatch: pytest.MonkeyPatch, limit: str
):
    for module in (running, units):
        monkeypatch.setattr(module, "CHUNK", 1)
    settings.RETENTION_DAYS = 0
    setattr(settings, limit, 8 if limit == "RETENTION_DAYS" else 3 * SIZE)
    camera = factories.camera()
    for days in (9.5, 8.5, 7.5, 6.5, 5.5):
        recordings.picture(camera, days_ago(days))
    run = running.prune(NOW)
    while not next(run).units:
        pass
    setattr(settings, limit, 0)
    assert len(list(run)) > 0
    assert Upload.objects.count() == 3


def test_above_the_total_size_the_oldest_of_all_cameras_go(settings: Any):
    settings.RETENTION_TOTAL_MAX_BYTES = 3 * SIZE
    for days in (9, 8, 7, 6, 5):
        recordings.picture(factories.camera(), days_ago(days))
    recordings.run()
    assert sorted(Upload.objects.values_list("captured_at", flat=True)) == [days_ago(7), days_ago(6), days_ago(5)]


def test_limits_by_size_pass_over_what_is_kept_and_what_has_just_come(settings: Any):
    settings.RETENTION_TOTAL_MAX_BYTES = SIZE
    camera = factories.camera()
    kept = recordings.event(camera, days_ago(9), kept=True)
    old = recordings.event(camera, days_ago(8))
    new = recordings.event(camera, NOW - timedelta(minutes=10))
    recordings.run()
    assert set(Event.objects.all()) == {kept, new}
    assert old not in Event.objects.all()


def test_files_that_are_gone_do_not_count_towards_a_size(settings: Any):
    settings.RETENTION_TOTAL_MAX_BYTES = 2 * SIZE
    camera = factories.camera()
    for days in (9, 8, 7, 6):
        recordings.picture(camera, days_ago(days), file_gone=days > 7)
    assert recordings.run() == []


def test_with_too_little_free_room_the_oldest_go_until_there_is_enough(settings: Any, monkeypatch: pytest.MonkeyPatch):
    free = shutil.disk_usage(configured.CAMERA_ROOT).free
    settings.RETENTION_FREE_BYTES = free * 2
    camera = factories.camera()
    for days in (9, 8, 7, 6):
        recordings.picture(camera, days_ago(days))
    assert rules.missing_bytes() >= free // 2
    monkeypatch.setattr(rules, "missing_bytes", lambda: SIZE + 1)
    recordings.run()
    assert sorted(Upload.objects.values_list("captured_at", flat=True)) == [days_ago(7), days_ago(6)]


def test_with_enough_room_nothing_is_missing(settings: Any):
    settings.RETENTION_FREE_BYTES = 1
    assert rules.missing_bytes() == 0


def test_a_share_that_is_away_is_no_reason_to_remove_anything(settings: Any):
    settings.RETENTION_FREE_BYTES = 10**15
    settings.CAMERA_ROOT = settings.CAMERA_ROOT / "away"
    assert rules.missing_bytes() == 0


def test_a_file_that_was_overwritten_since_is_left_alone():
    camera = factories.camera()
    upload = recordings.picture(camera, days_ago(31))
    path = configured.CAMERA_ROOT / upload.path
    path.write_bytes(b"a newer picture under the same name")
    recordings.run()
    assert path.read_bytes() == b"a newer picture under the same name"
    assert not Upload.objects.exists()
    assert not Garbage.objects.exists()


def test_a_link_in_place_of_the_file_is_not_followed_and_stays(tmp_path: Path):
    upload = recordings.picture(factories.camera(), days_ago(31))
    path, victim = configured.CAMERA_ROOT / upload.path, recordings.put(tmp_path / "precious.jpg", upload.mtime_ns)
    path.unlink()
    path.symlink_to(victim)
    recordings.run()
    assert victim.exists()
    assert path.is_symlink()


def test_a_folder_replaced_by_a_link_leads_nowhere(tmp_path: Path):
    upload = recordings.picture(factories.camera(), days_ago(31))
    folder = (configured.CAMERA_ROOT / upload.path).parent
    outside = tmp_path / "outside"
    folder.rename(outside)
    folder.symlink_to(outside)
    recordings.run()
    assert len(list(outside.iterdir())) == 1
    assert not Garbage.objects.exists()


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_every_size_of_a_chunk_removes_the_same(chunk: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(units, "CHUNK", chunk)
    monkeypatch.setattr(running, "CHUNK", chunk)
    camera, other = factories.camera(), factories.camera()
    for days in range(31, 37):
        recordings.event(camera, days_ago(days))
        recordings.picture(other, days_ago(days))
        recordings.event(other, days_ago(days), kept=days % 2 == 0)
    recordings.event(camera, days_ago(1))
    recordings.run()
    assert Event.objects.count() == 4
    assert Upload.objects.count() == 8
    recordings.assert_nothing_dangles()


@pytest.mark.parametrize("chunk", [1, 3, 200])
def test_a_dry_run_names_just_what_a_run_removes_and_touches_nothing(
    chunk: int, settings: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(units, "CHUNK", chunk)
    monkeypatch.setattr(running, "CHUNK", chunk)
    settings.RETENTION_CAMERA_MAX_BYTES, settings.RETENTION_TOTAL_MAX_BYTES = 6 * SIZE, 9 * SIZE
    one, two = factories.camera(), factories.camera()
    for days in (40, 35, 20, 15, 10, 5):
        recordings.event(one, days_ago(days))
        recordings.event(two, days_ago(days), kept=days == 20)
        recordings.picture(two, days_ago(days))
    recordings.refused(one, days_ago(12))
    files, rows = recordings.files(), Upload.objects.count()
    said = [(unit.batches, unit.files) for unit in recordings.run(dry_run=True)]
    assert recordings.files() == files
    assert Upload.objects.count() == rows
    assert not Garbage.objects.exists()
    assert len(said) == len(set(said))
    assert [(unit.batches, unit.files) for unit in recordings.run()] == said
    assert sum(rules.bytes_by_camera().values()) <= 9 * SIZE
    recordings.assert_nothing_dangles()


def test_a_second_run_finds_nothing_to_do():
    recordings.event(factories.camera(), days_ago(31))
    assert len(recordings.run()) == 1
    assert recordings.run() == []


def bulk(count: int, age_days: float) -> None:
    """Rows without files, in which nothing was found, a second apart."""
    camera = factories.camera()
    (configured.CAMERA_ROOT / camera.folder).mkdir()
    at = days_ago(age_days)
    Upload.objects.bulk_create(
        (
            Upload(
                camera=camera, path=f"{camera.folder}/{number}.jpg", size=1, mtime_ns=number,
                version_key=f"{number:064x}", captured_at=at + timedelta(seconds=number),
                captured_at_source=Upload.TimeSource.MTIME, received_at=at, state=Upload.State.EMPTY, finished_at=at,
            )
            for number in range(count)
        ),
        batch_size=1000,
    )  # fmt: skip


@pytest.mark.slow
def test_memory_does_not_grow_with_what_is_to_go():
    bulk(6000, age_days=900)
    turns = running.prune(NOW, dry_run=True)
    for _ in range(5):
        next(turns)
    tracemalloc.start()
    for _ in turns:
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * 1024**2


def test_a_turn_costs_a_bounded_number_of_statements_and_none_counts_or_skips_rows():
    bulk(600, age_days=900)
    turns = running.prune(NOW)
    with CaptureQueriesContext(connection) as queries:
        assert len(next(turns).units) == 200
    statements = [query["sql"] for query in queries]
    assert len(statements) < 40
    assert not [sql for sql in statements if "COUNT(*)" in sql or "OFFSET" in sql]
    assert sum(len(turn.units) for turn in turns) == 400
