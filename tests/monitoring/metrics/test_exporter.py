from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from hsi.metrics import histogram_rows, histograms, process_metrics
from hsi.models import CircuitBreaker, WorkerHeartbeat
from hsi.queues import ANALYSIS_QUEUE, DETECTION_QUEUE, QueueUnavailableError, get_queue
from tests import factories
from tests.engines.environment import ROOT

pytestmark = pytest.mark.django_db


@pytest.fixture
def scraper(client: Client) -> Client:
    histograms.take()
    client.force_login(factories.admin())
    return client


def scrape(client: Client) -> dict[tuple[str, tuple[str, ...]], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_every_metric_that_is_promised_is_there(scraper: Client, data_dir: Path):
    get_queue(DETECTION_QUEUE).put_many([1, 2, 3])
    get_queue(ANALYSIS_QUEUE).put(1)
    histograms.stage("intake", 0.02)
    histograms.observe(histograms.AI_REQUEST, "rtdetr", 0.2)
    histograms.count(histograms.ERRORS, "MEDIA_ERROR")
    histogram_rows.flush()
    CircuitBreaker.objects.create(name="rtdetr", state="open")
    now = timezone.now()
    for name, beat_at in {"a": now, "b": now, "gone": now - timedelta(minutes=5)}.items():
        WorkerHeartbeat.objects.create(
            name=name, kind="detection", host="h", pid=1, started_at=now, beat_at=beat_at, progressed_at=now
        )
    factories.dead_letter()
    got = scrape(scraper)
    assert got["hsi_detection_queue_depth", ()] == 3
    assert got["hsi_analysis_queue_depth", ()] == 1
    assert got["hsi_stage_duration_seconds_count", ("intake",)] == 1
    assert got["hsi_stage_duration_seconds_bucket", ("0.01", "intake")] == 0
    assert got["hsi_stage_duration_seconds_bucket", ("0.025", "intake")] == 1
    assert got["hsi_stage_duration_seconds_bucket", ("+Inf", "intake")] == 1
    assert got["hsi_ai_request_duration_seconds_sum", ("rtdetr",)] == pytest.approx(0.2)
    assert got["hsi_pipeline_errors_total", ("MEDIA_ERROR",)] == 1
    assert got["hsi_events_created_total", ()] == got["hsi_detections_processed_total", ()] == 0
    assert got["hsi_queue_jobs", (DETECTION_QUEUE, "waiting")] == 3
    assert got["hsi_queue_pressure", (DETECTION_QUEUE,)] == 0
    assert got["hsi_queues_up", ()] == 1
    assert got["hsi_breaker_state", ("rtdetr",)] == 2
    assert got["hsi_workers_alive", ("detection",)] == 2
    assert got["hsi_waiting", ("dead_letters",)] == 1
    assert got["hsi_waiting", ("uploads",)] == 0
    assert got["hsi_cameras", ("frozen",)] == 0
    assert got["hsi_stream_clients", ()] == got["hsi_log_lines_dropped_total", ()] == 0
    assert got["hsi_disk_free_bytes", ("data",)] > 0


def test_requests_queries_cache_reads_and_the_process_are_there(scraper: Client):
    process_metrics.update()
    before = scrape(scraper)
    cache.set("key", "")
    assert cache.get("key", "default") == ""
    assert cache.get("other", "default") == "default"
    assert scraper.get("/api/queues").status_code == 200
    after = scrape(scraper)

    def grown(name: str, *labels: str) -> float:
        return after[name, labels] - before.get((name, labels), 0.0)

    view = "monitoring.api.queues.Queues"
    assert grown("django_http_requests_before_middlewares_total") == 2  # the scrape itself is one of them
    assert grown("django_http_requests_total_by_view_transport_method_total", "GET", "http", view) == 1
    assert grown("django_http_responses_total_by_status_view_method_total", "GET", "200", view) == 1
    assert grown("django_http_requests_latency_seconds_by_view_method_count", "GET", view) == 1
    assert grown("django_db_execute_total", "default", connection.vendor) > 0
    assert grown("django_db_query_duration_seconds_count", "default", connection.vendor) > 0
    backend = "locmem" if connection.vendor == "sqlite" else "redis"
    assert grown("django_cache_get_hits_total", backend) >= 1
    assert grown("django_cache_get_misses_total", backend) >= 1
    assert after["process_cpu_seconds_total", ()] > 0
    assert any(name == "process_resident_memory_bytes" and value > 1e6 for (name, _), value in after.items())


def test_a_scrape_says_nothing_twice(scraper: Client):
    lines = scraper.get("/metrics").content.decode().splitlines()
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names))
    series = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(series) == len(set(series))


def test_queues_that_are_away_are_said_to_be_and_do_not_end_the_scrape(
    scraper: Client, monkeypatch: pytest.MonkeyPatch
):
    def away(name: str) -> Any:
        raise QueueUnavailableError

    monkeypatch.setattr("monitoring.health.checks.get_queue", away)
    got = scrape(scraper)
    assert got["hsi_queues_up", ()] == 0
    assert ("hsi_detection_queue_depth", ()) not in got


def test_no_label_holds_what_comes_from_outside(scraper: Client):
    factories.event(factories.camera("secret-garden", name="Garden"), labels=["unicorn"])
    text = scraper.get("/metrics").content.decode()
    for word in ("secret-garden", "Garden", "unicorn"):
        assert word not in text


@pytest.mark.parametrize(
    ("scopes", "is_admin", "status"),
    [(("read",), True, 200), (("admin",), True, 200), (("ingest",), True, 403), (("read", "admin"), False, 403)],
)
def test_a_token_may_scrape_where_its_user_is_an_administrator(
    client: Client, scopes: tuple[str, ...], is_admin: bool, status: int
):
    owner = factories.admin() if is_admin else factories.user()
    headers = {"Authorization": f"Bearer {factories.token(owner, *scopes)}"}
    assert client.get("/metrics", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("allowed", "address", "status"),
    [
        ([], "127.0.0.1", 401),
        (["10.0.0.5"], "10.0.0.5", 200),
        (["10.0.0.0/24", "::1"], "10.0.0.77", 200),
        (["10.0.0.0/24"], "::ffff:10.0.0.77", 200),
        (["10.0.0.0/24"], "10.0.1.1", 401),
        (["10.0.0.0/24"], "", 401),
    ],
)
def test_an_address_may_scrape_only_where_the_setting_says_so(
    client: Client, settings: Any, allowed: list[str], address: str, status: int
):
    factories.admin()
    settings.METRICS_ALLOWED_ADDRESSES = allowed
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == status
    if status == 200:  # and nothing else
        assert client.get("/api/events", REMOTE_ADDR=address).status_code == 401
        assert client.get("/metrics/x", REMOTE_ADDR=address).status_code in (302, 401)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_figures_of_several_processes_that_came_and_went_add_up(
    scraper: Client, child_environment: dict[str, str], tmp_path: Path
):
    """Two work at the same time, then a third one, as after a restart."""
    environment = {**child_environment, "DATABASE_URL": own_database(), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "tests/monitoring/metrics/measured_child.py")]
    first = [subprocess.Popen([*command, number], env=environment, cwd=tmp_path) for number in ("5", "7")]
    assert [process.wait(60) for process in first] == [0, 0]
    subprocess.run([*command, "3"], env=environment, cwd=tmp_path, check=True, timeout=60)
    got = scrape(scraper)
    assert got["hsi_stage_duration_seconds_count", ("detection",)] == 15
    assert got["hsi_stage_duration_seconds_sum", ("detection",)] == pytest.approx(3.0)
    assert got["hsi_ai_request_duration_seconds_count", ("rtdetr",)] == 15
    assert got["hsi_uploads_finished_total", ("detected",)] == 15
    assert got["hsi_pipeline_errors_total", ("AI_SERVICE_ERROR",)] == 15
    assert got["hsi_events_created_total", ()] == 15
    assert got["hsi_detections_processed_total", ()] == 30
    assert scrape(scraper)["hsi_events_created_total", ()] == 15


def own_database() -> str:
    """The address of the database that this test itself uses."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    return f"postgresql://{values['USER']}:{values['PASSWORD']}@{values['HOST']}:{values['PORT']}/{values['NAME']}"
