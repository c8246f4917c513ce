from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connections

from hsi.errors import AIServiceError
from hsi.metrics import gauges, histogram_rows, histograms
from hsi.models import CounterValue, GaugeValue, LatencyBucket, QueueJob
from hsi.queues import DETECTION_QUEUE, Job, get_queue
from hsi.workers.queue_worker import QueueWorker
from tests.factories import job_handler

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _empty() -> None:
    histograms.take()


def total(name: str, label: str = "") -> float:
    return sum(CounterValue.objects.filter(name=name, label=label).values_list("value", flat=True))


def test_durations_fall_into_buckets_and_add_up_over_flushes():
    for seconds in (0.003, 0.2, 0.21, 4000.0, -5.0):
        histograms.stage("detection", seconds)
    histogram_rows.flush()
    histograms.stage("detection", 0.2)
    histogram_rows.flush()
    counts = dict(CounterValue.objects.filter(name="stage").values_list("bucket", "value"))
    assert counts == {0: 2, 5: 3, len(histograms.BOUNDS): 1}
    assert total("stage_sum", "detection") == pytest.approx(4000.613)
    assert sum(LatencyBucket.objects.values_list("count", flat=True)) == 6
    assert max(LatencyBucket.objects.values_list("longest", flat=True)) == 4000.0


def test_nothing_to_add_is_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        histogram_rows.flush()


def test_to_observe_is_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        histograms.stage("intake", 0.01)
        histograms.count(histograms.UPLOADS, "empty")


def test_what_the_database_does_not_take_is_added_later(monkeypatch: pytest.MonkeyPatch):
    histograms.count(histograms.ERRORS, "AI_SERVICE_ERROR")
    histograms.stage("intake", 1.0)

    def away(*arguments: object) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(histogram_rows, "add_tallies", away)
        with pytest.raises(OperationalError):
            histogram_rows.flush()
    histograms.count(histograms.ERRORS, "AI_SERVICE_ERROR")
    histogram_rows.flush()
    assert total("errors", "AI_SERVICE_ERROR") == 2
    assert total("stage", "intake") == 1


def test_many_threads_that_add_and_write_lose_nothing():
    def work(number: int) -> None:
        try:
            for _ in range(50):
                histograms.stage("analysis", 0.1)
            histogram_rows.flush()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))
    histogram_rows.flush()
    assert total("stage", "analysis") == 400


def test_made_up_labels_cannot_grow_without_bound(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(histograms, "MOST_SERIES", len(histograms._series) + 2)
    for number in range(5):
        histograms.count("made up", f"label {number}")
    histogram_rows.flush()
    assert CounterValue.objects.filter(name="made up").count() == 3
    assert total("made up", "other") == 3
    histograms._series.clear()


def test_only_the_first_wait_of_a_job_counts():
    tried: list[int] = []

    def work(job: Job) -> None:
        tried.append(job.attempts)
        if job.attempts == 1:
            raise AIServiceError("again")
        get_queue(DETECTION_QUEUE).ack(job)

    get_queue(DETECTION_QUEUE).put(1)
    for _ in range(2):
        QueueJob.objects.update(due_at=0)
        QueueWorker("test", DETECTION_QUEUE, job_handler(work)).run(once=True)
    histogram_rows.flush()
    assert tried == [1, 2]
    assert total("stage", "detection_wait") == 1
    assert total("errors", "AI_SERVICE_ERROR") == 1


def test_figures_of_processes_that_are_gone_do_not_count():
    gauges.register("test_clients", lambda: 3)
    gauges._written.clear()
    gauges.flush()
    row = GaugeValue.objects.get(name="test_clients")
    GaugeValue.objects.create(name="test_clients", process="other:1", value=4, recorded_at=row.recorded_at)
    GaugeValue.objects.create(
        name="test_clients", process="gone:1", value=5, recorded_at=row.recorded_at - 2 * gauges.ALIVE
    )
    assert gauges.total("test_clients") == 7
    del gauges._registered["test_clients"]
