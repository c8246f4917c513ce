from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cameras.models import Upload
from hsi import live_settings
from hsi.config.environment import read
from hsi.config.options import SETTINGS
from hsi.models import AuditEntry, CircuitBreaker, WorkerHeartbeat
from hsi.queues import DETECTION_QUEUE, get_queue
from monitoring import job_runs
from tests import factories

pytestmark = pytest.mark.django_db


def test_queues_are_told_paused_and_let_go_on(boss: Client, settings: Any):
    settings.QUEUE_MAX_SIZE = 10
    get_queue(DETECTION_QUEUE).put_many(list(range(1, 10)))
    queue = boss.get("/api/queues").json()["items"][0]
    assert (queue["name"], queue["waiting"], queue["capacity"], queue["pressure"]) == (DETECTION_QUEUE, 9, 10, "high")
    assert (queue["paused"], queue["paused_by"]) == (False, None)
    for _ in range(2):
        paused = boss.post(f"/api/queues/{DETECTION_QUEUE}/pause").json()
        assert (paused["paused"], paused["paused_by"]) == (True, "boss")
    assert boss.get("/api/queues").json()["items"][0]["paused"] is True
    assert boss.post(f"/api/queues/{DETECTION_QUEUE}/resume").json()["paused"] is False
    assert boss.post("/api/queues/nonsense/pause").status_code == 404
    actions = AuditEntry.objects.filter(object=f"queue {DETECTION_QUEUE}").order_by("id").values_list("action", "user")
    assert list(actions) == [("queue_paused", "boss"), ("queue_resumed", "boss")]


def test_lately_is_counted_by_state(boss: Client):
    now = timezone.now()
    for hours, state in [(0.5, "detected"), (0.6, "empty"), (5, "detected"), (50, "detected")]:
        factories.upload(received_at=now - timedelta(hours=hours), captured_at=now, state=state)
    factories.event(started_at=now - timedelta(minutes=1), ended_at=now)
    got = boss.get("/api/system/stats").json()
    assert got["last_hour"]["uploads"] == {**dict.fromkeys(Upload.State.values, 0), "detected": 1, "empty": 1}
    assert got["last_day"]["uploads"]["detected"] == 2
    assert got["last_hour"]["events"] == got["last_day"]["events"] == 1
    assert got["events_ever"] == 0  # none was told
    assert got["log_lines_dropped"] == 0


def test_every_setting_is_shown_and_no_secret(boss: Client, settings: Any, tmp_path: Path):
    secrets = {setting.name: f"hush-{setting.name}" for setting in SETTINGS if setting.secret}
    process = {"HSI_DATA_DIR": str(tmp_path), "DATABASE_URL": "postgresql://me:hush-db@host/x", **secrets}
    settings.CONFIGURATION = read(process, [])
    answer = boss.get("/api/system/config")
    assert "hush-" not in answer.content.decode()
    rows = {row["name"]: row for row in answer.json()["items"]}
    assert list(rows) == [setting.name for setting in SETTINGS]
    assert rows["RTDETR_API_KEY"]["value"] == "********"
    assert rows["DATABASE_URL"]["source"] == "process"
    assert (rows["API_PORT"]["default"], rows["API_PORT"]["allowed"]) == ("8000", "a whole number from 1 to 65,535")
    assert (rows["API_PORT"]["restart_needed"], rows["TRASH_DAYS"]["restart_needed"]) == (True, False)


def test_a_setting_that_was_changed_while_running_says_so(boss: Client):
    live_settings.change({"TRASH_DAYS": "3"})
    rows = {row["name"]: row for row in boss.get("/api/system/config").json()["items"]}
    assert (rows["TRASH_DAYS"]["value"], rows["TRASH_DAYS"]["source"]) == ("3", "database")


def test_an_open_breaker_is_shown_without_secrets_and_reset(boss: Client):
    CircuitBreaker.objects.create(name="rtdetr", state="open", failures=5, last_error="refused: Bearer abcdefgh1234")
    shown = boss.get("/api/system/breakers").json()["items"]
    assert [(one["name"], one["state"]) for one in shown] == [("rtdetr", "open")]
    assert "abcdefgh" not in str(shown)
    assert boss.post("/api/system/breakers/rtdetr/reset").json()["state"] == "closed"
    assert boss.post("/api/system/breakers/nobody/reset").status_code == 404
    assert not CircuitBreaker.objects.filter(name="nobody").exists()
    assert AuditEntry.objects.get(action="breaker_reset").user == "boss"


def test_a_worker_that_fell_silent_is_said_to_be(boss: Client):
    now = timezone.now()
    for name, state, beat_at in [
        ("well", "running", now),
        ("lost", "running", now - timedelta(hours=1)),
        ("over", "stopped", now - timedelta(days=1)),
    ]:
        WorkerHeartbeat.objects.create(
            name=name,
            kind="detection",
            host="h",
            pid=1,
            state=state,
            started_at=now,
            beat_at=beat_at,
            progressed_at=now,
        )
    shown = {one["name"]: one["state"] for one in boss.get("/api/system/workers").json()["items"]}
    assert shown == {"well": "running", "lost": "silent", "over": "stopped"}


def test_there_is_no_tls_of_our_own(boss: Client):
    assert boss.get("/api/system/tls").json() == {"mode": "disabled", "secure_request": False}


def test_runs_of_housekeeping_are_listed_with_how_they_ended(boss: Client):
    run = job_runs.Run("prune")
    run.count("removed", 3)
    run.count("removed", 4)
    run.done()
    job_runs.Run("orphans").failed(ValueError("https://u:secret@host \0"))
    job_runs.Run("storage")
    shown = boss.get("/api/jobs").json()["items"]
    assert [(one["name"], one["outcome"]) for one in shown] == [
        ("storage", "running"), ("orphans", "failed"), ("prune", "done"),
    ]  # fmt: skip
    assert shown[2]["counts"] == {"removed": 7}
    assert shown[1]["error"] == "ValueError: https://********@host "
    assert [one["name"] for one in boss.get("/api/jobs", {"outcome": "failed"}).json()["items"]] == ["orphans"]


def test_the_audit_log_is_narrowed_down(boss: Client):
    for user in ("ann", "bob"):
        AuditEntry.objects.create(user=user, action="event_reviewed", object="event 1")

    def found(**filters: Any) -> list[str]:
        return [item["user"] for item in boss.get("/api/audit", filters).json()["items"]]

    assert found(user="ann") == ["ann"]
    assert found(action="event_reviewed", object="event 1") == ["bob", "ann"]
    assert found(before="2000-01-01T00:00:00Z") == []
    assert boss.get("/api/audit", {"user": "a\0"}).status_code == 400
    assert boss.delete("/api/audit").status_code == 405
