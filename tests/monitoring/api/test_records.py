from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from detection.models import Batch
from hsi.models import GaugeValue, LatencyBucket, WorkerHeartbeat
from monitoring import housekeeping
from monitoring.housekeeping import Housekeeper
from monitoring.models import GpuSample, JobRun, LogEntry, StorageSample
from monitoring.retention import records
from monitoring.retention.schedule import Retention
from tests import factories

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def rows(at: Any) -> None:
    LogEntry.objects.create(created_at=at, level=20, component="hsi", message="x")
    JobRun.objects.create(name="prune", started_at=at)
    GpuSample.objects.create(recorded_at=at, host="h", gpu=0, name="x")
    StorageSample.objects.create(recorded_at=at, originals_bytes=0, quarantine_bytes=0)
    LatencyBucket.objects.create(name="stage", label="intake", minute=at, bucket=0, count=1, seconds=1, longest=1)
    GaugeValue.objects.create(name="clients", process=str(at), value=1, recorded_at=at)
    WorkerHeartbeat.objects.create(
        name=str(at), kind="x", host="h", pid=1, started_at=at, beat_at=at, progressed_at=at
    )  # fmt: skip


MODELS = (LogEntry, JobRun, GpuSample, StorageSample, LatencyBucket, GaugeValue, WorkerHeartbeat)


def test_what_the_system_tells_of_itself_goes_when_it_is_old_and_not_before():
    rows(NOW - timedelta(days=100))
    rows(NOW - timedelta(minutes=1))
    list(records.forget(NOW))
    assert {model.__name__: model._default_manager.count() for model in MODELS} == {
        model.__name__: 1 for model in MODELS
    }


def test_old_lines_go_a_chunk_a_turn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(records, "CHUNK", 2)
    for _ in range(5):
        LogEntry.objects.create(created_at=NOW - timedelta(days=30), level=20, component="hsi", message="x")
    assert [gone for gone in records.forget(NOW) if gone] == [2, 2, 1]


def test_each_run_of_retention_has_its_row(settings: Any, data_dir: Any):
    settings.RETENTION_FREE_BYTES = settings.RETENTION_FREE_PERCENT = 0
    LogEntry.objects.create(created_at=NOW - timedelta(days=30), level=20, component="hsi", message="x")
    retention = Retention()
    while retention.step():
        pass
    runs = dict(JobRun.objects.filter(outcome="done").values_list("name", "counts"))
    assert runs == {"prune": {}, "records": {"removed": 1}}
    assert not JobRun.objects.exclude(outcome="done").exists()


def test_a_run_that_fails_says_so_and_the_next_one_is_not_held_up(settings: Any, data_dir: Any, monkeypatch: Any):
    settings.RETENTION_FREE_BYTES = settings.RETENTION_FREE_PERCENT = 0

    def fails(now: Any) -> Iterator[int]:
        yield 1
        raise OSError("the disk is away")

    monkeypatch.setattr(records, "forget", fails)
    retention = Retention()

    def turn_on() -> None:
        while retention.step():
            pass

    with pytest.raises(OSError, match="away"):
        turn_on()
    run = JobRun.objects.get(name="records")
    assert (run.outcome, run.error, run.counts) == ("failed", "OSError: the disk is away", {"removed": 1})
    assert retention.step() is False


def test_a_reconcile_leaves_a_row_only_where_it_found_something(data_dir: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(housekeeping, "RECONCILE_SECONDS", 0.0)
    loop = Housekeeper()
    loop.step()
    assert not JobRun.objects.filter(name="reconcile").exists()
    factories.batch(state=Batch.State.CLOSED)
    loop.step()
    assert JobRun.objects.get(name="reconcile").counts["analysis_queue"] == 1
