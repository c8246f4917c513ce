from __future__ import annotations

import errno
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

from cameras.files import writer
from cameras.files.tree import Tree
from cameras.models import Upload
from detection.models import Batch
from events.models import NotificationChannel
from hsi.errors import AIServiceAnswerError, AIServiceUnavailableError
from hsi.models import CircuitBreaker, DeadLetter, QueueJob, WorkerHeartbeat
from hsi.outbound.shared_breaker import SharedBreaker
from monitoring.health import ai_services, checks, folders, outcomes, schema_version
from monitoring.health.checks import PROBE_KEPT_SECONDS, CachedProbe
from monitoring.metrics.backlog import waiting
from tests import factories
from tests.engines.process import free_port


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(factories.admin())
    return client


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ai_services, "_detector", CachedProbe())
    monkeypatch.setattr(ai_services, "_analyzer", CachedProbe())
    monkeypatch.setattr(folders, "_probe", CachedProbe())
    monkeypatch.setattr(schema_version.Cache, "newest", None)
    monkeypatch.setattr(schema_version.Cache, "good_at", float("-inf"))


def beat(kind: str, seconds_ago: float = 0, state: str = "running", pid: int = 1) -> None:
    at = timezone.now() - timedelta(seconds=seconds_ago)
    WorkerHeartbeat.objects.create(
        name=f"{kind}:{pid}", kind=kind, host="h", pid=pid, state=state, started_at=at, beat_at=at, progressed_at=at
    )


def all_run() -> None:
    for kind in checks.needed_workers():
        beat(kind)


def outcome(check: checks.NamedCheck, *, for_staff: bool = False) -> tuple[str, str]:
    said = checks.outcome(check, for_staff=for_staff)
    return said["status"], said["detail"]


@pytest.mark.django_db
def test_a_system_that_is_well_says_so_part_by_part(admin: Client, data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checks, "DiskCheck", partial(checks.DiskCheck, free_share=0, free_bytes=0))
    all_run()
    response = admin.get("/api/system/health")
    answer = response.json()
    assert response.status_code == 200
    assert {name: check["status"] for name, check in answer["checks"].items()} == dict.fromkeys(
        ["database", "migrations", "queues", "workers", "camera_folder", "decoder", "intake", "cameras", "uploads"]
        + ["disk", "detector", "analyzer", "breakers", "notifications"]
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
    assert outcome(ai_services.BreakersCheck()) == ("healthy", "No AI service is in use.")
    settings.NEMOTRON_URL = settings.RTDETR_URL = "http://127.0.0.1:9"
    words = "Circuit open after repeated failures, jobs wait: nemotron is open."
    assert outcome(ai_services.BreakersCheck()) == ("degraded", words)
    CircuitBreaker.objects.update(state="closed")
    assert outcome(ai_services.BreakersCheck()) == ("healthy", "Closed: nemotron, rtdetr.")


@pytest.mark.django_db
def test_a_part_that_is_not_well_degrades_the_whole_but_still_answers_200(admin: Client, data_dir: Path):
    response = admin.get("/api/system/health")
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert response.json()["checks"]["workers"] == {
        "status": "degraded",
        "detail": "No worker is running. Uploads wait.",
    }


@pytest.mark.django_db
def test_the_newest_sign_of_life_of_each_kind_counts():
    all_run()
    beat("detection", 3600, pid=2)
    beat("simulate", 60, state="stopped")
    names = "analysis, batch-closer, detection, fast-path, housekeeping, notifications, watcher"
    assert outcome(checks.WorkersCheck()) == ("healthy", f"Running: {names}.")


@pytest.mark.django_db
@pytest.mark.parametrize("ended", [True, False])
def test_a_kind_of_loop_that_ended_or_never_started_is_named(ended: bool):
    all_run()
    WorkerHeartbeat.objects.filter(kind__in=["analysis", "watcher"]).delete()
    if ended:
        beat("watcher", 3600, state="stopped")
    assert outcome(checks.WorkersCheck()) == ("degraded", "Not running: analysis, watcher.")


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds_ago", "state"), [(16, "running"), (1, "failing")])
def test_a_loop_without_a_sign_of_life_or_failing_is_named(seconds_ago: float, state: str):
    all_run()
    WorkerHeartbeat.objects.filter(kind="analysis").delete()
    beat("analysis", seconds_ago, state)
    WorkerHeartbeat.objects.filter(kind="analysis").update(detail="hangs on row 7")
    status, detail = outcome(checks.WorkersCheck())
    assert (status, detail) == ("degraded", "Failing, or no heartbeat for 15 s: analysis.")
    assert "hangs on row 7" in outcome(checks.WorkersCheck(), for_staff=True)[1]


@pytest.mark.django_db
def test_work_that_waits_too_long_or_fills_its_queue_is_told(settings):
    enqueued_at = timezone.now().timestamp()
    QueueJob.objects.create(queue="analysis_queue", row_id=1, enqueued_at=enqueued_at, due_at=enqueued_at)
    assert outcome(checks.QueuesCheck()) == ("healthy", "detection_queue 0, fast_path_queue 0, analysis_queue 1")
    settings.QUEUE_MAX_SIZE = 1
    assert outcome(checks.QueuesCheck())[0] == "degraded"
    settings.QUEUE_MAX_SIZE = 100
    QueueJob.objects.update(enqueued_at=enqueued_at - 700)
    status, detail = outcome(checks.QueuesCheck())
    assert status == "degraded"
    assert "10 minutes" in detail


@pytest.mark.django_db
def test_silent_cameras_are_counted_and_not_named():
    assert outcome(checks.CamerasCheck())[0] == "healthy"
    factories.camera("door", offline_since=factories.NOW)
    factories.camera("paused", offline_since=factories.NOW, enabled=False)
    assert outcome(checks.CamerasCheck()) == ("degraded", "1 camera is offline.")
    factories.camera("yard", offline_since=factories.NOW)
    assert outcome(checks.CamerasCheck())[1] == "2 cameras are offline."


@pytest.mark.django_db
def test_cameras_that_show_nothing_useful_are_counted_and_named_only_for_staff():
    factories.camera("door", name="Front door", view="black", view_since=factories.NOW)
    factories.camera("yard", name="Yard", view="turned", offline_since=factories.NOW)
    factories.camera("paused", name="Attic", view="frozen", enabled=False)
    words = "1 camera is black. 1 camera is offline. 1 camera is turned."
    assert outcome(checks.CamerasCheck()) == ("degraded", words)
    detail = outcome(checks.CamerasCheck(), for_staff=True)[1]
    assert "black: Front door; offline: Yard; turned: Yard" in detail


def test_a_camera_folder_that_is_gone_is_told_without_its_path(settings, tmp_path: Path):
    settings.CAMERA_ROOT = tmp_path / "cameras"
    status, detail = outcome(folders.folder_check())
    assert status == "degraded"
    assert str(tmp_path) not in detail
    assert str(tmp_path) in outcome(folders.folder_check(), for_staff=True)[1]


def test_into_the_camera_folder_and_one_of_a_camera_a_file_is_written_and_removed(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
):
    root = data_dir / "cameras"
    for name in ("door", "@eaDir", ".hidden"):
        (root / name).mkdir(parents=True)
    tried: list[str] = []

    def try_writing(tree: Tree, folder: str) -> None:
        tried.append(folder)
        writer.check_writable(tree, folder)

    monkeypatch.setattr(folders, "check_writable", try_writing)
    assert outcome(folders.folder_check()) == ("healthy", "Readable and writable.")
    assert outcome(folders.folder_check())[0] == "healthy"  # kept
    assert tried == ["", "door"]
    assert sorted(path.name for path in root.rglob("*")) == [".hidden", "@eaDir", "door"]


@pytest.mark.parametrize(
    ("closed", "words"),
    [
        ("", "The camera folder is not writable."),
        ("door", "The folder of a camera is not writable."),
    ],
)
def test_a_folder_that_cannot_be_written_to_is_told(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, closed: str, words: str
):
    (data_dir / "cameras" / "door").mkdir(parents=True)

    def try_writing(tree: Tree, folder: str) -> None:
        if folder == closed:
            raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(folders, "check_writable", try_writing)
    status, detail = outcome(folders.folder_check(), for_staff=True)
    assert status == "degraded"
    assert detail.startswith(words)
    assert "Read-only file system" in detail


@pytest.mark.django_db
def test_a_camera_whose_last_files_were_mostly_refused_is_told_and_named_to_staff():
    door, yard = factories.camera("door", name="Front door"), factories.camera("yard")
    now = timezone.now()
    for number in range(5):
        factories.upload(yard, received_at=now)
        state = "rejected" if number < 3 else "detected"
        factories.upload(door, received_at=now, state=state, reason="cannot be decoded" if number < 3 else "")
    words = "Most recent files of a camera were rejected."
    assert outcome(outcomes.UploadsCheck()) == ("degraded", words)
    assert outcome(outcomes.UploadsCheck(), for_staff=True)[1] == f"{words} (Front door: 3 of 5, cannot be decoded)"
    Upload.objects.filter(camera=door, state="rejected").update(received_at=now - timedelta(hours=2))
    assert outcome(outcomes.UploadsCheck()) == ("healthy", "Recent files were accepted.")


@pytest.mark.django_db
def test_a_channel_that_did_not_take_what_it_was_sent_last_is_told(webhooks_to_here: None):
    channel = factories.channel(name="phone")
    assert outcome(outcomes.NotificationsCheck())[0] == "healthy"
    NotificationChannel.objects.update(failures=2, last_error="RECEIVER_FAILED: The receiver answered 502.")
    words = "A notification channel fails."
    assert outcome(outcomes.NotificationsCheck()) == ("degraded", words)
    said = outcome(outcomes.NotificationsCheck(), for_staff=True)[1]
    assert said == f"{words} (phone: RECEIVER_FAILED: The receiver answered 502. (2 in a row))"
    NotificationChannel.objects.filter(pk=channel.pk).update(enabled=False)
    assert outcome(outcomes.NotificationsCheck())[0] == "healthy"


@pytest.mark.django_db
def test_a_service_that_says_it_is_well_and_whose_answers_cannot_be_used_is_not_well(settings):
    settings.NEMOTRON_URL = settings.RTDETR_URL = "http://127.0.0.1:9"
    breaker = SharedBreaker("nemotron", view_seconds=0)
    for number in range(3):
        answer: Future[str] = Future()
        answer.set_result("ready (tiny)")
        check = ai_services.ServiceCheck("analyzer", what="The analyser", service="nemotron", answer=answer)
        assert outcome(check) == ("healthy", "ready (tiny)")
        with pytest.raises(AIServiceAnswerError), breaker.guard(1):
            raise AIServiceAnswerError(f"the answer is broken {number}")
    words = "The analyser: the last 3 responses were unusable."
    assert outcome(check) == ("degraded", words)
    assert outcome(check, for_staff=True)[1] == f"{words} (AIServiceAnswerError: the answer is broken 2)"
    with breaker.guard(1):
        pass
    assert outcome(check)[0] == "healthy"


def test_folders_of_cameras_that_cannot_be_read_are_told_and_named_to_staff_alone(data_dir: Path, monkeypatch):
    for name in ("door", "cellar", "attic"):
        (data_dir / "cameras" / name).mkdir()
    folder = Tree.folder

    def closed(tree: Tree, relative: str) -> object:
        if relative != "door":
            raise PermissionError(13, "Permission denied")
        return folder(tree, relative)

    monkeypatch.setattr(Tree, "folder", closed)
    status, detail = outcome(folders.folder_check(CachedProbe()))
    assert (status, detail) == ("degraded", "2 camera folders cannot be read. Their files wait.")
    assert "attic, cellar" in outcome(folders.folder_check(CachedProbe()), for_staff=True)[1]


def test_little_room_on_the_disk_is_told(data_dir: Path):
    assert outcome(checks.DiskCheck(free_share=0, free_bytes=0))[0] == "healthy"
    assert outcome(checks.DiskCheck(free_share=1.1))[0] == "degraded"
    assert outcome(checks.DiskCheck(free_bytes=2**62))[0] == "degraded"


def test_a_service_that_is_not_there_is_told_with_its_reason_to_staff_alone(settings):
    settings.RTDETR_URL, settings.DETECTOR = f"http://127.0.0.1:{free_port()}", "rtdetr"
    detector, _ = ai_services.service_checks()
    status, detail = outcome(detector)
    assert (status, detail) == ("degraded", "The detector reports an error: AI_SERVICE_UNAVAILABLE.")
    assert "cannot be reached" in outcome(detector, for_staff=True)[1]


def test_a_backend_that_does_not_exist_is_told(settings):
    settings.ANALYZER = "nowhere.Analyzer"
    _, analyzer = ai_services.service_checks()
    assert outcome(analyzer) == ("degraded", "The analyser is not configured correctly.")


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
    detector, _ = ai_services.service_checks()
    status, detail = outcome(detector)
    assert status == "degraded"
    assert detail in ("The detector did not answer within 0.2 s.", "The detector reports an error: AI_SERVICE_ERROR.")


def test_a_service_is_asked_once_for_a_while_and_anew_for_other_settings():
    asked: CachedProbe[str] = CachedProbe()
    questions = []

    def question() -> str:
        questions.append(1)
        return "well"

    for key in ("a", "a", "b"):
        assert asked.start(question, key).result(5) == "well"
    assert len(questions) == 2
    asked._at -= PROBE_KEPT_SECONDS + 1
    assert asked.start(question, "b").result(5) == "well"
    assert len(questions) == 3


def test_while_a_question_is_on_its_way_no_other_is_asked():
    asked: CachedProbe[str] = CachedProbe()
    go_on = threading.Event()
    first = asked.start(lambda: str(go_on.wait(5)), "a")
    asked._at -= PROBE_KEPT_SECONDS + 1
    assert asked.start(lambda: "another", "a") is first
    go_on.set()
    assert first.result(5) == "True"


def test_what_a_backend_raises_is_never_a_crash():
    for error, detail in (
        (AIServiceUnavailableError("at http://10.0.0.1"), "The detector reports an error: AI_SERVICE_UNAVAILABLE."),
        (KeyError("x"), "The detector is not configured correctly."),
    ):
        answer: Future[str] = Future()
        answer.set_exception(error)
        assert outcome(ai_services.ServiceCheck("detector", what="The detector", answer=answer)) == ("degraded", detail)


def test_the_worst_part_is_the_state_of_the_whole():
    def parts(*states: checks.Status) -> dict[str, checks.Outcome]:
        return {str(place): {"status": state, "detail": ""} for place, state in enumerate(states)}

    assert checks.overall(parts("healthy", "healthy")) == "healthy"
    assert checks.overall(parts("healthy", "degraded")) == "degraded"
    assert checks.overall(parts("unhealthy", "degraded")) == "unhealthy"


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
    with django_assert_num_queries(6):
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
    response = client.get("/health/ready")
    assert (response.status_code, response.json()["status"]) == (200, "healthy")
    monkeypatch.setattr(schema_version.Cache, "newest", None)
    MigrationRecorder.Migration.objects.filter(app="events").delete()
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["checks"]["migrations"]["status"] == "unhealthy"


@pytest.mark.django_db
def test_a_database_of_a_newer_version_is_told(monkeypatch: pytest.MonkeyPatch):
    assert outcome(schema_version.MigrationCheck()) == ("healthy", "Up to date.")
    MigrationRecorder.Migration.objects.create(app="events", name="0001_another_way", applied=timezone.now())
    MigrationRecorder.Migration.objects.create(app="events", name="0999_colours", applied=timezone.now())
    monkeypatch.setattr(schema_version.Cache, "good_at", float("-inf"))
    status, detail = outcome(schema_version.MigrationCheck())
    assert status == "unhealthy"
    assert detail == "The database was migrated by a newer version: events.0999_colours."


def test_a_probe_takes_no_change(client: Client):
    assert client.post("/health/live").status_code == 405


@pytest.mark.django_db
def test_the_database_check_tells_how_the_pool_is_used(engine):
    detail = checks.DatabaseCheck()
    detail.run()
    assert ("Connections: " in detail.detail) == (engine == "postgresql")
