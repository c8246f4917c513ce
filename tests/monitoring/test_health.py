from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.conf import settings
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from cameras.models import Upload
from detection.models import Batch
from hsi.errors import AIServiceUnavailableError
from hsi.models import CircuitBreaker, DeadLetter, QueueJob, WorkerHeartbeat
from monitoring import aihealth, health
from monitoring.waiting import waiting
from tests import factories
from tests.engines.process import free_port


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(factories.admin())
    return client


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aihealth, "_detector", aihealth.Asked())
    monkeypatch.setattr(aihealth, "_analyzer", aihealth.Asked())


def beat(kind: str, seconds_ago: float = 0, state: str = "running", pid: int = 1) -> None:
    at = timezone.now() - timedelta(seconds=seconds_ago)
    WorkerHeartbeat.objects.create(
        name=f"{kind}:{pid}", kind=kind, host="h", pid=pid, state=state, started_at=at, beat_at=at, progressed_at=at
    )


def outcome(check: health.NamedCheck, *, for_staff: bool = False) -> tuple[str, str]:
    said = health.outcome(check, for_staff=for_staff)
    return said["status"], said["detail"]


@pytest.mark.django_db
def test_a_system_that_is_well_says_so_part_by_part(admin: Client, data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(health, "DiskCheck", partial(health.DiskCheck, free_share=0, free_bytes=0))
    beat("detection")
    response = admin.get("/api/system/health")
    answer = response.json()
    assert response.status_code == 200
    assert {name: check["status"] for name, check in answer["checks"].items()} == dict.fromkeys(
        [
            "database",
            "queues",
            "workers",
            "camera_folder",
            "intake",
            "cameras",
            "disk",
            "detector",
            "analyzer",
            "breakers",
        ]
        + (["redis", "channel_layer"] if settings.REDIS_URL else []),
        "healthy",
    )
    assert answer["status"] == "healthy"
    assert all(check["detail"] for check in answer["checks"].values())
    assert set(answer["waiting"]) == {
        "uploads", "batches_open", "batches_waiting", "events_pending", "deliveries", "dead_letters",
    }  # fmt: skip


@pytest.mark.django_db
def test_an_open_breaker_of_a_service_in_use_shows_and_one_of_another_service_does_not(settings):
    CircuitBreaker.objects.create(name="nemotron", state="open", retry_at=timezone.now())
    assert outcome(aihealth.BreakersCheck()) == ("healthy", "No service is in use.")
    settings.NEMOTRON_URL = settings.RTDETR_URL = "http://127.0.0.1:9"
    words = "Left alone after failures, so that work waits: nemotron is open."
    assert outcome(aihealth.BreakersCheck()) == ("degraded", words)
    CircuitBreaker.objects.update(state="closed")
    assert outcome(aihealth.BreakersCheck()) == ("healthy", "Closed: nemotron, rtdetr.")


@pytest.mark.django_db
def test_a_part_that_is_not_well_degrades_the_whole_but_still_answers_200(admin: Client, data_dir: Path):
    response = admin.get("/api/system/health")
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert response.json()["checks"]["workers"] == {
        "status": "degraded",
        "detail": "No worker is running, so that uploads wait.",
    }


@pytest.mark.django_db
def test_the_newest_sign_of_life_of_each_kind_counts():
    beat("detection", 3600, pid=1)
    beat("detection", 1, pid=2)
    beat("simulate", 60, state="stopped")
    assert outcome(health.WorkersCheck()) == ("healthy", "Running: detection.")


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds_ago", "state"), [(16, "running"), (1, "failing")])
def test_a_loop_without_a_sign_of_life_or_failing_is_named(seconds_ago: float, state: str):
    beat("detection")
    beat("analysis", seconds_ago, state)
    status, detail = outcome(health.WorkersCheck())
    assert status == "degraded"
    assert detail.endswith("failing: analysis.")


@pytest.mark.django_db
def test_work_that_waits_too_long_or_fills_its_queue_is_told(settings):
    put_at = timezone.now().timestamp()
    QueueJob.objects.create(queue="analysis_queue", row_id=1, put_at=put_at, due_at=put_at)
    assert outcome(health.QueuesCheck()) == ("healthy", "detection_queue 0, fast_path_queue 0, analysis_queue 1")
    settings.QUEUE_MAX_SIZE = 1
    assert outcome(health.QueuesCheck())[0] == "degraded"
    settings.QUEUE_MAX_SIZE = 100
    QueueJob.objects.update(put_at=put_at - 700)
    status, detail = outcome(health.QueuesCheck())
    assert status == "degraded"
    assert "10 minutes" in detail


@pytest.mark.django_db
def test_silent_cameras_are_counted_and_not_named():
    assert outcome(health.CamerasCheck())[0] == "healthy"
    factories.camera("door", silent_since=factories.NOW)
    factories.camera("paused", silent_since=factories.NOW, enabled=False)
    assert outcome(health.CamerasCheck()) == ("degraded", "1 camera is silent for longer than it should be.")
    factories.camera("yard", silent_since=factories.NOW)
    assert outcome(health.CamerasCheck())[1] == "2 cameras are silent for too long."


def test_a_camera_folder_that_is_gone_is_told_without_its_path(settings, tmp_path: Path):
    settings.CAMERA_ROOT = tmp_path / "cameras"
    status, detail = outcome(health.CameraFolderCheck())
    assert status == "degraded"
    assert str(tmp_path) not in detail
    assert str(tmp_path) in outcome(health.CameraFolderCheck(), for_staff=True)[1]
    settings.CAMERA_ROOT.mkdir()
    assert outcome(health.CameraFolderCheck())[0] == "healthy"


def test_little_room_on_the_disk_is_told(data_dir: Path):
    assert outcome(health.DiskCheck(free_share=0, free_bytes=0))[0] == "healthy"
    assert outcome(health.DiskCheck(free_share=1.1))[0] == "degraded"
    assert outcome(health.DiskCheck(free_bytes=2**62))[0] == "degraded"


def test_a_service_that_is_not_there_is_told_with_its_reason_to_staff_alone(settings):
    settings.RTDETR_URL, settings.DETECTOR = f"http://127.0.0.1:{free_port()}", "rtdetr"
    detector, _ = aihealth.service_checks()
    status, detail = outcome(detector)
    assert (status, detail) == ("degraded", "The detector is not well: AI_SERVICE_UNAVAILABLE.")
    assert "cannot be reached" in outcome(detector, for_staff=True)[1]


def test_a_backend_that_does_not_exist_is_told(settings):
    settings.ANALYZER = "nowhere.Analyzer"
    _, analyzer = aihealth.service_checks()
    assert outcome(analyzer) == ("degraded", "The analyser cannot be used as it is set up.")


@pytest.fixture
def silent_service() -> Iterator[str]:
    """A peer that takes a request and answers only when the test is over."""
    over = threading.Event()

    class Silent(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            over.wait(20)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    over.set()
    server.shutdown()
    server.server_close()


def test_nobody_waits_for_a_silent_service_longer_than_set(settings, silent_service: str):
    settings.RTDETR_URL, settings.DETECTOR, settings.AI_HEALTH_TIMEOUT = silent_service, "rtdetr", 0.2
    detector, _ = aihealth.service_checks()
    status, detail = outcome(detector)
    assert status == "degraded"
    assert detail in ("The detector did not answer within 0.2 s.", "The detector is not well: AI_SERVICE_ERROR.")


def test_a_service_is_asked_once_for_a_while_and_anew_for_other_settings():
    asked: aihealth.Asked[str] = aihealth.Asked()
    questions = []

    def question() -> str:
        questions.append(1)
        return "well"

    for key in ("a", "a", "b"):
        assert asked.start(question, key).result(5) == "well"
    assert len(questions) == 2
    asked._at -= aihealth.KEPT_SECONDS + 1
    assert asked.start(question, "b").result(5) == "well"
    assert len(questions) == 3


def test_while_a_question_is_on_its_way_no_other_is_asked():
    asked: aihealth.Asked[str] = aihealth.Asked()
    go_on = threading.Event()
    first = asked.start(lambda: str(go_on.wait(5)), "a")
    asked._at -= aihealth.KEPT_SECONDS + 1
    assert asked.start(lambda: "another", "a") is first
    go_on.set()
    assert first.result(5) == "True"


def test_what_a_backend_raises_is_never_a_crash():
    for error, detail in (
        (AIServiceUnavailableError("at http://10.0.0.1"), "The detector is not well: AI_SERVICE_UNAVAILABLE."),
        (KeyError("x"), "The detector cannot be used as it is set up."),
    ):
        answer: Future[str] = Future()
        answer.set_exception(error)
        assert outcome(aihealth.ServiceCheck("detector", what="The detector", answer=answer)) == ("degraded", detail)


def test_the_worst_part_is_the_state_of_the_whole():
    def parts(*states: health.Status) -> dict[str, health.Outcome]:
        return {str(place): {"status": state, "detail": ""} for place, state in enumerate(states)}

    assert health.overall(parts("healthy", "healthy")) == "healthy"
    assert health.overall(parts("healthy", "degraded")) == "degraded"
    assert health.overall(parts("unhealthy", "degraded")) == "unhealthy"


@pytest.mark.django_db
def test_a_viewer_learns_no_path_and_no_reason(client: Client, settings, tmp_path: Path):
    settings.CAMERA_ROOT = settings.DATA_DIR = tmp_path / "gone"
    settings.RTDETR_URL, settings.DETECTOR = f"http://127.0.0.1:{free_port()}", "rtdetr"
    client.force_login(factories.user())
    text = client.get("/api/system/health").content.decode()
    assert str(tmp_path) not in text
    assert "127.0.0.1" not in text
    assert "refused" not in text


@pytest.mark.django_db
def test_what_waits_is_counted_in_a_fixed_number_of_queries(django_assert_num_queries):
    camera = factories.camera()
    factories.upload(camera)
    factories.upload(camera, state=Upload.State.WAITING)
    open_batch = factories.batch(camera, state=Batch.State.OPEN)
    closed = factories.batch(camera, state=Batch.State.CLOSED)
    for batch in (open_batch, closed):
        factories.event(camera, batch=batch, analysis="pending")
    factories.event(camera)
    now = timezone.now()
    for state in DeadLetter.State:
        DeadLetter.objects.create(
            queue="q", row_id=1, reason="refused", state=state, first_failed_at=now, last_failed_at=now
        )
    channel = factories.channel("email", recipients=["ann@example.org"])
    factories.delivery(factories.alert(), channel)
    factories.delivery(factories.alert(), channel, state="sent", due_at=None)
    with django_assert_num_queries(7):
        counts = waiting()
    assert counts == {
        "uploads": 1,
        "batches_open": 1,
        "batches_waiting": 1,
        "events_pending": 2,
        "deliveries": 1,
        "dead_letters": 1,
    }


@pytest.mark.django_db
def test_ready_means_reachable_and_migrated(client: Client, monkeypatch: pytest.MonkeyPatch):
    factories.user()
    monkeypatch.setattr(health, "_migrated", False)
    response = client.get("/health/ready")
    assert (response.status_code, response.json()["status"]) == (200, "healthy")
    monkeypatch.setattr(health, "_migrated", False)
    MigrationRecorder.Migration.objects.filter(app="events").delete()
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["checks"]["migrations"]["status"] == "unhealthy"


def test_a_probe_takes_no_change(client: Client):
    assert client.post("/health/live").status_code == 405


@pytest.mark.django_db
def test_the_database_check_tells_how_the_pool_is_used(engine):
    detail = health.DatabaseCheck()
    detail.run()
    assert ("Connections: " in detail.detail) == (engine == "postgresql")
