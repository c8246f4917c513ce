"""The benchmark itself, at a size that takes seconds: that it measures what it says, not how fast anything is."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import LazySettings

from cameras.models import Upload
from detection.models import Detection
from events.models import Event
from hsi.queues import DETECTION_QUEUE, get_queue
from monitoring.models import LogEntry
from tests.bench import __main__ as command
from tests.bench import adminlists, backlog, clips, fanout, million, models, month, parked, remote, store
from tests.bench.figure import Figure, compared, percentile
from tests.bench.intake import full_hd_still
from tests.bench.memory import memory_megabytes
from tests.detection.detectors.models import constant_model, queries


@pytest.mark.one_engine
def test_a_figure_without_a_limit_is_judged_by_its_value():
    assert Figure("a", 5.0, "s", at_most=5).ok
    assert not Figure("a", 5.1, "s", at_most=5).ok
    assert not Figure("a", 4.9, "files/s", at_least=5).ok


@pytest.mark.one_engine
def test_a_figure_with_a_limit_is_judged_by_its_ratio():
    assert Figure("a", 1.0, "jobs/s", at_least=0.4, limit=2.0, ratio=0.5).ok
    missed = Figure("a", 100.0, "jobs/s", at_least=0.4, limit=1000.0, ratio=0.1)
    assert not missed.ok
    assert "MISSED" in missed.line()


@pytest.mark.one_engine
def test_a_figure_for_information_has_no_goal_to_miss():
    told = Figure("a", 0.0, "uploads/s")
    assert told.ok
    assert told.goal == ""
    assert "for information" in told.line()


@pytest.mark.one_engine
def test_a_ratio_is_the_median_of_pairs_measured_in_turns():
    ours, bare = iter([1.0, 2.0, 30.0]), iter([2.0, 4.0, 10.0])
    figure = compared("a", "ms", lambda: next(ours), lambda: next(bare), rounds=3, at_most=1)
    assert (figure.value, figure.limit, figure.ratio) == (2.0, 4.0, 0.5)


@pytest.mark.one_engine
def test_the_frames_of_a_clip_are_measured_against_decoding_it(data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(clips, "SIZE", (160, 96))
    monkeypatch.setattr(clips, "RATE", 2)
    figure = clips.measured("small", group=4, at_most=100)
    assert figure.value > 0
    assert figure.limit


@pytest.mark.one_engine
def test_a_percentile_is_one_of_the_values():
    values = [float(number) for number in range(1, 101)]
    assert (percentile(values, 0.99), percentile(values, 0.5), percentile([7.0], 0.99)) == (99.0, 50.0, 7.0)


@pytest.mark.one_engine
@pytest.mark.parametrize("name", command.GROUPS)
def test_every_group_has_figures(name: str):
    assert callable(import_module(command.GROUPS[name].module).figures)


@pytest.mark.one_engine
def test_memory_is_that_of_the_process():

    assert 10 < memory_megabytes(os.getpid(), "VmRSS") <= memory_megabytes(os.getpid(), "VmHWM")


@pytest.mark.django_db(transaction=True)
def test_a_backlog_is_rows_with_their_files_and_jobs(settings: LazySettings, tmp_path: Path):
    settings.CAMERA_ROOT, settings.DATA_DIR = tmp_path / "cameras", tmp_path
    ids = backlog.waiting_uploads(5, [backlog.picture((64, 36)), backlog.picture((64, 36), 1)])
    backlog.queue(ids)
    uploads = Upload.objects.waiting().in_bulk(ids)
    assert len(uploads) == 5
    for upload in uploads.values():
        status = (settings.CAMERA_ROOT / upload.path).stat()
        assert (upload.size, upload.mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert get_queue(DETECTION_QUEUE).live(ids) == set(ids)


@pytest.mark.django_db(transaction=True)
def test_pictures_go_to_a_service_that_answers_at_once(
    settings: LazySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings.CAMERA_ROOT, settings.DATA_DIR = tmp_path / "cameras", tmp_path
    monkeypatch.setattr(remote, "PICTURES", 3)
    monkeypatch.setattr(remote, "ROUNDS", 1)
    (figure,) = remote.figures()
    assert figure.unit == "pictures/s"
    assert Detection.objects.count() == 6


@pytest.mark.one_engine
def test_what_is_copied_beside_the_pipeline_are_whole_detections():
    needed = {field.column for field in Detection._meta.concrete_fields if not (field.null or field.primary_key)}
    assert needed <= set(store.COLUMNS.split(","))


@pytest.mark.one_engine
def test_every_delivery_to_many_clients_is_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fanout, "BURST", 10)
    monkeypatch.setattr(fanout, "SINGLES", 2)
    measured = fanout.measured("bare", 5, "")
    assert measured.arrived == 1
    assert 0 < measured.p99_ms < 5000


@pytest.mark.django_db(transaction=True, reset_sequences=True)
def test_pages_of_the_admin_are_measured_with_rows_in_them(monkeypatch: pytest.MonkeyPatch, data_dir: Path):
    monkeypatch.setattr(million, "EVENTS", 40)
    monkeypatch.setattr(adminlists, "ROUNDS", 1)
    monkeypatch.setattr(adminlists, "PAGES", ("events/event/", "logs/", "hsi/auditentry/"))
    assert len(list(adminlists.figures())) == 3
    assert Event.objects.count() == LogEntry.objects.count() == 40


@pytest.mark.django_db(transaction=True, reset_sequences=True)
def test_a_month_can_be_made_up(monkeypatch: pytest.MonkeyPatch):
    for name, number in (("DETECTIONS", 40), ("UPLOADS", 10), ("BATCHES", 2)):
        monkeypatch.setattr(month, name, number)
    month.fill()
    assert (Detection.objects.count(), Upload.objects.count(), Event.objects.count()) == (40, 10, 2)


@pytest.mark.django_db(transaction=True)
def test_a_local_model_stores_every_picture_that_it_is_timed_on(tmp_path, monkeypatch, settings):
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(models, "PICTURES", 2)
    monkeypatch.setattr(models, "ROUNDS", 1)
    (figure,) = models.measured(
        "1080p", Path(constant_model(tmp_path / "m.onnx", queries((0, 0.9, (0.5, 0.5, 0.5, 0.5))))), full_hd_still()
    )
    assert figure.limit
    assert Detection.objects.count() == Upload.objects.count() == 2 * 2


@pytest.mark.django_db(transaction=True)
def test_parked_cars_leave_no_events_beyond_the_visits(settings: LazySettings, tmp_path: Path, monkeypatch):
    settings.CAMERA_ROOT, settings.DATA_DIR = tmp_path / "cameras", tmp_path
    for name, number in (("CAMERAS", 2), ("PICTURES", 18), ("VISIT", 16)):
        monkeypatch.setattr(parked, name, number)
    rows, events, remembered, _ = parked.figures()
    assert rows.ok
    assert events.value == Event.objects.count() / 36 == 2 / 36
    assert remembered.value == 4
